"""Where a command finds the key of a board."""

import pytest

from titra.ports import KEY_VARIABLE, DeviceKeyError, device_key

KEY = bytes(range(32))


@pytest.fixture(autouse=True)
def no_key_in_the_environment(monkeypatch):
    monkeypatch.delenv(KEY_VARIABLE, raising=False)


def test_nowhere_is_no_key():
    assert device_key() is None


def test_the_file_goes_before_the_environment(monkeypatch, tmp_path):
    path = tmp_path / "key"
    path.write_text(KEY.hex() + "\n")
    monkeypatch.setenv(KEY_VARIABLE, KEY[::-1].hex())
    assert device_key() == KEY[::-1]
    assert device_key(path) == KEY


@pytest.mark.parametrize("text", ["", "00", KEY.hex()[:-2], KEY.hex() + "00", "x" * 64, "00" * 32])
def test_what_is_no_key_is_said_without_repeating_it(monkeypatch, tmp_path, text):
    monkeypatch.setenv(KEY_VARIABLE, text)
    path = tmp_path / "key"
    path.write_text(text)
    for key_file in (None, path):
        with pytest.raises(DeviceKeyError, match="64 hex digits") as refusal:
            device_key(key_file)
        assert not text or text not in str(refusal.value).replace("64", "")


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(DeviceKeyError, match="nowhere"):
        device_key(tmp_path / "nowhere")
    (tmp_path / "bytes").write_bytes(bytes(range(128, 160)))
    with pytest.raises(DeviceKeyError, match="not text"):
        device_key(tmp_path / "bytes")
