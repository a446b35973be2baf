"""docs/operators.md says what the converter's table holds."""

from pathlib import Path

from aten_to_tf.ops import NOT_IN_LITE, OPS
from operators import LIMITS, describe_operators

PAGE = Path(__file__).parents[3] / "docs" / "operators.md"


def test_the_page_is_current() -> None:
    assert PAGE.read_text(encoding="utf-8") == describe_operators(), "python models/operators.py > docs/operators.md"


def test_limits_are_told_of_known_ops_only() -> None:
    assert set(LIMITS) | NOT_IN_LITE <= set(OPS)
