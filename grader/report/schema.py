"""The JSON Schema of `report.json`; `python -m grader.report.schema` writes it beside this file."""

from __future__ import annotations

import json
from pathlib import Path

from grader.model.report import Report

FILE = Path(__file__).parents[1] / "model" / "report.schema.json"


def schema_text() -> str:
    """Return the schema as the file has it."""
    schema = Report.model_json_schema(mode="serialization")
    return json.dumps(schema, ensure_ascii=False, indent=2) + "\n"


if __name__ == "__main__":
    FILE.write_text(schema_text(), encoding="utf-8")
