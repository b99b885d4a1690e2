from hypothesis import given
from hypothesis import strategies as st

from grader.run.worker import CapturedOutput


def test_short_output_is_kept_whole():
    output = CapturedOutput()
    output.feed("加载模型\n".encode())
    assert output.text() == "加载模型\n"


def test_of_long_output_head_and_tail_are_kept():
    output = CapturedOutput()
    for _ in range(1000):
        output.feed(b"m" * 1000)
    output.feed(b"the end")
    text = output.text()
    assert output.size == 1_000_007
    assert text.startswith("mmm")
    assert text.endswith("the end")
    assert "bytes left out" in text
    assert len(text) < 40_000


@given(st.lists(st.binary(max_size=9000), max_size=12))
def test_nothing_is_lost_or_said_twice_while_it_fits(chunks):
    output = CapturedOutput()
    for chunk in chunks:
        output.feed(chunk)
    data = b"".join(chunks)
    if len(data) <= 32 * 1024:
        assert output.text() == data.decode("utf-8", "replace")
    assert output.size == len(data)
