"""A framework without wheels for this Python keeps its formats from being made, and says so."""

from __future__ import annotations

import sys

import pytest
from exporting import FormatError, PackageMissing, load_format


def test_a_missing_framework_is_named_with_the_python(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tensorflow", None)
    for name in ("formats._tensorflow", "formats.savedmodel"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    with pytest.raises(PackageMissing) as missing:
        load_format("savedmodel")
    assert isinstance(missing.value, FormatError)
    assert missing.value.package == "tensorflow"
    assert missing.value.python == f"{sys.version_info.major}.{sys.version_info.minor}"
