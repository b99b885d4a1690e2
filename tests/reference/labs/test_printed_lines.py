import pytest

from reference.labs.printed_lines import (
    DurationNote,
    ExtractionLines,
    duration_line,
    epoch_line,
    result_lines,
    total_line,
)


def test_the_lines_are_those_of_the_labs_text_to_the_letter() -> None:
    assert (
        epoch_line(1, 20, 56, 8.033059, 1.2764)
        == "epoch[1/20], iter[56] cost: 8033.059, per step time: 143.447, avg loss: 1.276"
    )
    assert total_line(156.82774) == "total cost 156.8277 s"
    assert (
        result_lines(47 / 52, "./ckpt_0/mobilenetv2_20.ckpt")
        == "result:{'acc': 0.9038461538461539}\npretrain_ckpt=./ckpt_0/mobilenetv2_20.ckpt"
    )


def test_every_batch_is_said_once_when_its_images_are_done(capsys: pytest.CaptureFixture[str]) -> None:
    lines = ExtractionLines(images=3615, batches=56)
    lines.advance(3600)
    lines.advance(7)
    early = capsys.readouterr().out.splitlines()
    assert early == [f"Complete the batch {i}/56" for i in range(1, 56)]
    lines.advance(8)
    assert capsys.readouterr().out == "Complete the batch 56/56\n"


def test_all_batches_are_said_at_once_when_all_features_come_from_the_cache(
    capsys: pytest.CaptureFixture[str],
) -> None:
    ExtractionLines(images=200, batches=3).advance(200)
    assert capsys.readouterr().out.splitlines()[-1] == "Complete the batch 3/3"


def test_the_duration_is_said_once_and_leaves_out_the_step_that_compiles(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    times = iter([40.0, 50.0, 60.0])
    monkeypatch.setattr("time.perf_counter", lambda: next(times))
    note = DurationNote(steps=15, epochs=20)
    for step in range(1, 10):
        note.on_step(1, step, 1.5)
    assert capsys.readouterr().out == (
        "note: on this CPU an epoch takes about 2 min (15 steps of 10.0 s), all 20 about 50 min\n"
    )


@pytest.mark.parametrize(
    ("step", "said"), [(0.1, "about 1 s "), (10, "about 2 min"), (60, "about 10 min"), (3600, "about 10.0 h")]
)
def test_durations_are_in_units_that_mean_something(step: float, said: str) -> None:
    assert said in duration_line(step, 10, 1)
