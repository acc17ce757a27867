"""Each format gives the same images and labels, and says what is wrong with a file and where."""

import gzip
import struct

import numpy as np
import pytest
from PIL import Image

from throughtime.data.images.formats import IDX, read_idx, read_npz, read_picture, read_table
from throughtime.errors import UserError

PIXELS = np.random.default_rng(0).integers(0, 256, (5, 4, 4), dtype=np.uint8)
LABELS = np.array([3, 1, 4, 1, 5], dtype=np.uint8)


def idx(array):
    return bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


def write_idx(folder, packed=False, images=PIXELS, labels=LABELS):
    end, pack = (".gz", gzip.compress) if packed else ("", bytes)
    file = folder / f"train-images-idx3-ubyte{end}"
    file.write_bytes(pack(idx(images)))
    (folder / f"train-labels-idx1-ubyte{end}").write_bytes(pack(idx(labels)))
    return file


def write_npz(folder, **arrays):
    np.savez(folder / "images.npz", **(arrays or {"images": PIXELS, "labels": LABELS}))
    return folder / "images.npz"


def write_table(folder, header=True):
    lines = [",".join(map(str, [label, *image.ravel()])) for label, image in zip(LABELS, PIXELS, strict=True)]
    (folder / "pixels.csv").write_text(
        "\n".join([",".join(["label", *(f"p{n}" for n in range(16))])] * header + lines) + "\n"
    )
    return folder / "pixels.csv"


@pytest.mark.parametrize("kind", ["idx", "idx.gz", "npz", "csv", "csv without header"])
def test_every_format_gives_the_same_images(kind, tmp_path):
    if kind.startswith("idx"):
        found = list(read_idx(write_idx(tmp_path, kind.endswith("gz")), True))
        assert {split for *_, split in found} == {"train"}
    elif kind == "npz":
        found = list(read_npz(write_npz(tmp_path), True))
    else:
        header = kind == "csv"
        found = list(read_table(write_table(tmp_path, header), None if header else 1, True, None, 255))
    assert [label for _, label, *_ in found] == list(map(str, LABELS))
    np.testing.assert_allclose(
        np.stack([pixels.reshape(4, 4) for pixels, *_ in found]), PIXELS / np.float32(255), rtol=1e-6
    )


@pytest.mark.parametrize("suffix", ["png", "bmp", "pgm"])
def test_a_picture_has_the_values_of_its_file(suffix, tmp_path):
    Image.fromarray(PIXELS[0]).save(tmp_path / f"a.{suffix}")
    found = read_picture(tmp_path / f"a.{suffix}", "grey", None)
    np.testing.assert_allclose(found[..., 0], PIXELS[0] / np.float32(255))


def test_a_picture_of_16_bits_goes_from_0_to_1(tmp_path):
    deep = np.array([[0, 65535], [257, 32896]], dtype=np.uint16)
    Image.fromarray(deep).save(tmp_path / "deep.png")
    np.testing.assert_allclose(
        read_picture(tmp_path / "deep.png", "grey", None)[..., 0], deep / 65535, rtol=1e-5
    )


def test_colour_is_kept_or_turned_to_grey(tmp_path):
    red = np.zeros((2, 2, 3), np.uint8)
    red[..., 0] = 255
    Image.fromarray(red).save(tmp_path / "red.png")
    assert read_picture(tmp_path / "red.png", "rgb", None)[0, 0].tolist() == [1, 0, 0]
    assert read_picture(tmp_path / "red.png", "grey", None)[0, 0] == pytest.approx(0.299, abs=0.01)


def test_a_usual_split_of_an_npz_file(tmp_path):
    file = write_npz(
        tmp_path, x_train=PIXELS[:3], y_train=LABELS[:3], x_test=PIXELS[3:], y_test=LABELS[3:, None]
    )
    found = list(read_npz(file, True))
    assert [split for *_, split in found] == ["train"] * 3 + ["test"] * 2
    assert [label for _, label, *_ in found] == list(map(str, LABELS))
    assert len({row for _, _, row, _ in found}) == 5


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"PNG?", "no IDX file: its first bytes are 50 4e 47 3f"),
        (idx(PIXELS)[:10], "ends at offset 10, within its header"),
        (idx(PIXELS)[:50], "ends at offset 50, but its header says 96 bytes"),
        (idx(np.zeros((2,), np.uint8)), "1 axes"),
        (bytes([0, 0, 8, 3]) + b"\xff" * 12, "ends at offset 16, but its header says"),
    ],
)
def test_a_damaged_idx_file_is_named_with_the_offset(content, message, tmp_path):
    file = tmp_path / "train-images-idx3-ubyte"
    file.write_bytes(content)
    with pytest.raises(UserError, match=f"train-images-idx3-ubyte.*{message}"):
        list(read_idx(file, True))


def test_labels_must_lie_beside_their_images_and_be_as_many(tmp_path):
    file = write_idx(tmp_path, labels=LABELS[:4])
    with pytest.raises(UserError, match=r"has 4 labels, but .* has 5 images"):
        list(read_idx(file, True))
    (tmp_path / "train-labels-idx1-ubyte").unlink()
    with pytest.raises(UserError, match="train-labels-idx1-ubyte must lie in the same folder"):
        list(read_idx(file, True))
    assert [label for _, label, *_ in read_idx(file, False)] == [None] * 5


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"images": PIXELS}, "no array labels"),
        ({"pictures": PIXELS}, "no array images or x; it has pictures"),
        ({"images": PIXELS, "labels": LABELS[:3]}, r"has 5 images, but labels \[3\]"),
        ({"images": np.array([["a", "b"]]), "labels": LABELS[:1]}, "no images"),
        ({"images": np.array([None, None]), "labels": LABELS[:2]}, r"no .npz file of plain arrays"),
    ],
)
def test_an_npz_file_without_images_and_labels_is_refused(arrays, message, tmp_path):
    with pytest.raises(UserError, match=message):
        list(read_npz(write_npz(tmp_path, **arrays), True))


def test_a_damaged_npz_file_is_refused(tmp_path):
    file = write_npz(tmp_path)
    file.write_bytes(file.read_bytes()[:100])
    with pytest.raises(UserError, match=r"no .npz file of plain arrays, or is damaged"):
        list(read_npz(file, True))


@pytest.mark.parametrize(
    ("text", "column", "message"),
    [
        ("label,a,b\n1,2,3\n1,2\n", None, "line 3 has 2 columns, but the first line has 3"),
        ("label,a,b\n1,2,3\n1,x,3\n", None, "line 3: 'x' is no number"),
        ("1,2,3\n", None, "line 1 does not say which column is the label"),
        ("1,2,3\n", 4, r"line 1 has 3 columns, but data\.source\.label_column=4"),
        ("a,b,c\n", "kind", "line 1 has no column kind"),
        ("", 1, "is empty"),
    ],
)
def test_a_malformed_table_is_named_with_the_line(text, column, message, tmp_path):
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(UserError, match=message):
        list(read_table(tmp_path / "a.csv", column, True, None, 255))


@pytest.mark.parametrize("content", [b"", b"no picture", b"\x89PNG\r\n\x1a\n" + b"\0" * 30])
def test_a_damaged_picture_is_named(content, tmp_path):
    (tmp_path / "bad.png").write_bytes(content)
    with pytest.raises(UserError, match=r"bad\.png is (empty|no picture that can be read)"):
        read_picture(tmp_path / "bad.png", "grey", None)


def test_a_cut_picture_is_named(tmp_path):
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (50, 50), dtype=np.uint8)).save(
        tmp_path / "cut.png"
    )
    content = (tmp_path / "cut.png").read_bytes()
    (tmp_path / "cut.png").write_bytes(content[: len(content) // 2])
    with pytest.raises(UserError, match=r"cut\.png is no picture that can be read, or is damaged"):
        read_picture(tmp_path / "cut.png", "grey", None)


@pytest.mark.parametrize(
    "name", ["train-images-idx3-ubyte.gz", "a.idx", "b.idx3-ubyte", "t10k-labels-idx1-ubyte"]
)
def test_names_of_idx_files(name):
    assert IDX.search(name) and not IDX.search(f"{name}.txt")
