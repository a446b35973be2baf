"""A framework without wheels for this Python keeps its formats from being made, and says so."""

from __future__ import annotations

import sys

import formats
import pytest
from exporting import FormatError, PackageMissing, load_format


def test_a_missing_framework_is_named_with_the_python(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tensorflow", None)
    for name in ("_tensorflow", "savedmodel"):  # other tests may have imported them: the package has them, too
        monkeypatch.delitem(sys.modules, f"formats.{name}", raising=False)
        monkeypatch.delattr(formats, name, raising=False)
    with pytest.raises(PackageMissing) as missing:
        load_format("savedmodel")
    assert isinstance(missing.value, FormatError)
    assert missing.value.package == "tensorflow"
    assert missing.value.python == f"{sys.version_info.major}.{sys.version_info.minor}"
