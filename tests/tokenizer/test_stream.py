from throughtime.tokenizer.stream import Origin, Piece, recut


def test_pieces_join_to_the_text_and_know_where_they_come_from():
    text = "one two  three\nfour"
    pieces = [Piece(character, Origin("f", n), begins=n == 0) for n, character in enumerate(text)]
    cut = list(recut(pieces))
    assert "".join(piece.text for piece in cut) == text
    assert all(text[piece.origin.offset :].startswith(piece.text) for piece in cut)
    assert [piece.begins for piece in cut] == [True] + [False] * (len(cut) - 1)


def test_documents_are_never_joined():
    pieces = [Piece("one", Origin("f"), begins=True), Piece("two", Origin("g"), begins=True)]
    assert list(recut(pieces)) == pieces


def test_a_run_without_white_space_is_held_up_to_a_bound_only():
    pieces = (Piece("x" * 10, Origin("f", 10 * n), begins=n == 0) for n in range(100))
    assert max(len(piece.text) for piece in recut(pieces, longest_run=50)) == 60


def test_a_place_is_counted_from_one_in_the_whole_document():
    assert Origin("a.txt", 1000).place(5) == "character 1,006 of a.txt"
