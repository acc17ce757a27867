"""The exported graph of a tagger reads whole sentences."""

import pytest


@pytest.mark.parametrize(("head", "outputs"), [("softmax", 1), ("crf", 4)])
def test_tagging_reads_whole_sentences(built, assert_consistent, tmp_path, head: str, outputs: int) -> None:
    (tmp_path / "tags.conll").write_text("Ann B-PER\nsaw O\nBob B-PER\n\nHe O\nran O\n\n" * 50)
    data = ("data=conll", f"data.path={tmp_path}/tags.conll")
    graph = built("task=tagging", *data, "engine=reference", f"head={head}").export_graph()
    assert_consistent(graph)
    assert len(graph.outputs) == outputs and graph.axes["lengths"] == ("B",)
