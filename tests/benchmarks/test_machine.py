from pathlib import Path

from benchmarks.machine import this_machine


def test_the_machine_is_described_from_what_the_system_says(tmp_path: Path) -> None:
    cpuinfo = tmp_path / "cpuinfo"
    core = "model name\t: Some CPU @ 3.00GHz\nflags\t\t: fpu avx avx2 avx512f\n"
    cpuinfo.write_text(f"processor\t: 0\n{core}\nprocessor\t: 1\n{core}", encoding="utf-8")
    machine = this_machine(cpuinfo)
    assert (machine.cpu, machine.instruction_set) == ("Some CPU @ 3.00GHz", "AVX-512")
    assert str(machine).startswith("Some CPU @ 3.00GHz, ")
    assert machine.versions["numpy"] in str(machine)


def test_a_system_that_says_nothing_is_no_trouble(tmp_path: Path) -> None:
    assert this_machine(tmp_path / "nothing").instruction_set == "unknown instruction set"
