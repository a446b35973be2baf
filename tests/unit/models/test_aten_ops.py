"""Each op against PyTorch over shapes, dtypes and free dimensions, in TensorFlow and TensorFlow Lite."""

import pytest
from aten_check import Case, check_rows, row_name
from aten_rows import ACTIVATION, ARITHMETIC, COMPARISON, REDUCTION, WHOLE_NUMBERS
from aten_shape_rows import CREATION, FIXED_IMAGE, IMAGE, INDEX, LINE, SHAPE
from aten_to_tf.ops import NOT_IN_LITE, OPS
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

ANY = {
    "arithmetic": ARITHMETIC,
    "comparison": COMPARISON,
    "activation": ACTIVATION,
    "reduction": REDUCTION,
    "shape": SHAPE,
    "index": INDEX,
    "creation": CREATION,
}
OTHERS = [IMAGE, FIXED_IMAGE, LINE]
SLOW = settings(max_examples=2, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck), database=None)


@st.composite
def cases(draw: st.DrawFn, fixed: tuple[int, ...] = (), smallest: int = 3) -> Case:
    """Draw a case of two to four axes, or one where all after the batch but the free ones are given; 0 is free."""
    known = fixed or (*[0] * draw(st.integers(0, 2)), draw(st.integers(3, 5)))
    free = (True, *[size == 0 and (bool(fixed) or draw(st.booleans())) for size in known])
    base = [2, *[size or draw(st.integers(smallest, smallest + 3)) for size in known]]
    checked = [
        (
            batch,
            *[draw(st.integers(smallest, smallest + 5)) if f else s for s, f in zip(base[1:], free[1:], strict=True)],
        )
        for batch in (1, 3)
    ]
    is_channels_last = len(base) == 4 and draw(st.booleans())
    return Case(tuple(base), free, tuple(checked), draw(st.sampled_from(["int64", "int32"])), is_channels_last)


def check_family(rows: dict, case: Case) -> None:
    """Check all rows of a family at once; those without TensorFlow Lite's counterpart apart from the others."""
    in_lite = {row_name(op, i): row for op, its in rows.items() if op not in NOT_IN_LITE for i, row in enumerate(its)}
    others = {row_name(op, i): row for op, its in rows.items() if op in NOT_IN_LITE for i, row in enumerate(its)}
    check_rows(in_lite, case)
    if others:
        check_rows(others, case, lite=False)


@pytest.mark.parametrize("family", ANY)
def test_ops(family: str) -> None:
    @SLOW
    @given(cases())
    def check(case: Case) -> None:
        check_family(ANY[family], case)

    check()


@SLOW
@given(cases())
def test_ops_on_whole_numbers(case: Case) -> None:
    rows = {row_name(op, i): row for op, its in WHOLE_NUMBERS.items() for i, row in enumerate(its)}
    check_rows(rows, case, lite=False)


@SLOW
@given(cases(fixed=(4, 0, 0), smallest=5))
def test_ops_on_images_of_free_size(case: Case) -> None:
    check_family(IMAGE, case)


@SLOW
@given(cases(fixed=(4, 8, 6)))
def test_ops_on_images(case: Case) -> None:
    check_family(IMAGE | FIXED_IMAGE, case)


@SLOW
@given(cases(fixed=(4, 0), smallest=6))
def test_ops_on_sequences_and_matrices(case: Case) -> None:
    check_family(LINE, case)


def test_every_op_has_a_row() -> None:
    """And no row is of an op that the table lacks."""
    tried = {op for rows in [*ANY.values(), *OTHERS] for op in rows}
    assert {str(op) for op in tried} == {str(op) for op in OPS}
