"""A run's folder belongs to one run, and its files are whole at every moment."""

import os
import socket
import subprocess
import sys
import threading
from contextlib import ExitStack
from pathlib import Path

import pytest

from throughtime.errors import UserError
from throughtime.run.folder import (
    Created,
    RunFolder,
    check_no_links,
    existing_run,
    token,
    with_data_in,
    write_json,
)


def test_of_many_claims_at_once_one_succeeds(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "runs" / "one")
    outcomes: list[str] = []
    start, held = threading.Barrier(8), ExitStack()

    def claim() -> None:
        start.wait()
        try:
            folder.claim(lock=held)
            outcomes.append("claimed")
        except UserError:
            outcomes.append("refused")

    threads = [threading.Thread(target=claim) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["claimed"] + ["refused"] * 7
    held.close()


def test_a_folder_that_cannot_be_made_is_told_by_its_key(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(UserError, match=r"hydra\.run\.dir="):
        RunFolder(tmp_path / "file" / "run").claim()


def test_a_folder_without_a_run_is_not_taken_for_one(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"resume=.*no such folder"):
        existing_run(str(tmp_path / "none"), "resume")
    with pytest.raises(UserError, match=r"resume=.*holds no config\.yaml"):
        existing_run(str(tmp_path), "resume")


def test_tokens_of_two_runs_differ_almost_always() -> None:
    tokens = {token() for _ in range(100)}
    assert len(tokens) > 90
    assert all(len(one) == 4 and int(one, 16) >= 0 for one in tokens)


def test_a_folder_that_holds_anything_is_no_place_for_a_new_run(tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    (mine / "checkpoints").mkdir(parents=True)
    (tmp_path / "link").symlink_to(mine)
    for path in (mine, tmp_path / "link"):
        with pytest.raises(UserError, match=r"hydra\.run\.dir=.* is not empty \(it holds checkpoints\)"):
            RunFolder(path).claim()
    assert list(mine.rglob("*")) == [mine / "checkpoints"]
    RunFolder(mine).claim(existing=("checkpoints",))


def test_what_was_created_is_removed_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "a").write_text("mine")
    (tmp_path / "mine" / "link").symlink_to(tmp_path / "absent")
    created = Created()
    created.make_folder(tmp_path / "mine")
    created.make_folder(tmp_path / "new" / "deep")
    created.make_folder(tmp_path / "kept")
    created.expect(*(tmp_path / "mine" / name for name in ("a", "link", "b", "never made")))
    (tmp_path / "mine" / "b").touch()
    (tmp_path / "kept" / "notes").touch()
    created.remove()
    left = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*")}
    assert left == {"mine", "mine/a", "mine/link", "kept", "kept/notes"}


def test_a_folder_that_is_expected_is_removed_whole_and_one_that_was_there_stays(tmp_path: Path) -> None:
    (tmp_path / "theirs").mkdir()
    (tmp_path / "elsewhere").mkdir()
    for place in ("theirs", "elsewhere"):
        (tmp_path / place / "kept").touch()
    created = Created()
    created.expect_folders(*(tmp_path / name for name in ("theirs", "mine", "never made")))
    (tmp_path / "mine" / "deep").mkdir(parents=True)
    (tmp_path / "mine" / "deep" / "file").touch()
    (tmp_path / "mine" / "link").symlink_to(tmp_path / "elsewhere")
    created.remove()
    left = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*")}
    assert left == {"theirs", "theirs/kept", "elsewhere", "elsewhere/kept"}


def test_the_link_that_wandb_makes_is_the_only_one_that_a_run_may_hold(tmp_path: Path) -> None:
    logs = tmp_path / "run" / "wandb" / "offline-run-20260101_000000-x" / "logs"
    logs.mkdir(parents=True)
    (logs / "debug-core.log").symlink_to(tmp_path / "log")
    check_no_links(tmp_path / "run")
    (logs / "debug.log").symlink_to(tmp_path / "log")
    with pytest.raises(UserError, match=r"debug\.log is a symbolic link"):
        check_no_links(tmp_path / "run")


def test_a_run_that_is_discarded_leaves_what_others_put_beside_it(tmp_path: Path) -> None:
    real = tmp_path / "real"
    real.mkdir()
    (tmp_path / "link").symlink_to(real)
    folder = RunFolder(tmp_path / "link")
    created = folder.claim()
    write_json(folder.results, {})
    own = f"events.out.tfevents.1.{socket.gethostname()}.{os.getpid()}.0"
    for name in (own, "events.out.tfevents.1.elsewhere.1.0", "notes.txt"):
        (real / name).touch()
    folder.discard(created)
    assert sorted(os.listdir(real)) == ["events.out.tfevents.1.elsewhere.1.0", "notes.txt"]
    for path in real.iterdir():
        path.unlink()
    folder.discard(folder.claim())
    assert (tmp_path / "link").is_symlink() and os.listdir(real) == []  # neither was made by the run


def test_an_earlier_attempt_is_moved_and_never_overwritten(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    folder.set_aside([])
    assert os.listdir(tmp_path) == []
    for text in ("first", "second"):
        folder.error.write_text(text)
        folder.set_aside(folder.errors())
    assert [(tmp_path / f"attempt_{n}" / "error.txt").read_text() for n in (1, 2)] == ["first", "second"]
    assert folder.errors() == []


def test_a_folder_is_locked_once_and_free_again_after_the_process(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    program = (
        "import sys; from pathlib import Path; from throughtime.run.folder import RunFolder\n"
        "with RunFolder(Path(sys.argv[1])).locked(): print('held', flush=True); sys.stdin.read()"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )
    try:
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(UserError, match="another process trains this run"), folder.locked():
            pass
    finally:
        holder.kill()
        holder.wait()
        holder.stdin.close()
        holder.stdout.close()
    with folder.locked():
        assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["samples", "checkpoints/last.ckpt", "output.txt", "journal.txt"])
def test_a_link_below_a_folder_is_refused_wherever_it_points(name: str, tmp_path: Path) -> None:
    run, outside = tmp_path / "run", tmp_path / "outside"
    (run / "checkpoints").mkdir(parents=True)
    check_no_links(run)
    (run / name).symlink_to(outside)
    with pytest.raises(UserError, match="is a symbolic link"):
        check_no_links(run)
    (tmp_path / "latest").symlink_to(tmp_path / "empty")
    (tmp_path / "empty").mkdir()
    check_no_links(tmp_path / "latest")  # the folder that the user named


def test_a_link_that_stays_in_the_folder_is_no_danger(tmp_path: Path) -> None:
    (tmp_path / "wandb" / "run-1").mkdir(parents=True)
    (tmp_path / "wandb" / "latest-run").symlink_to("run-1")
    check_no_links(tmp_path)


def test_a_pipe_below_a_folder_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "journal.txt")
    with pytest.raises(UserError, match="is a pipe or a device"):
        check_no_links(tmp_path)


def stopped(path: Path, status: str = "running") -> RunFolder:
    """The folder of a run that has ended without a checkpoint."""
    folder = RunFolder(path)
    folder.claim()
    folder.config.write_text("seed: 1")
    write_json(folder.results, {"status": status})
    return folder


@pytest.mark.parametrize("status", ["running", "interrupted", "failed"])
def test_a_run_stopped_before_its_first_checkpoint_makes_place_for_another(
    status: str, tmp_path: Path
) -> None:
    folder = stopped(tmp_path, status)
    (folder.checkpoints / "..next.ckpt.0123abcd").write_bytes(b"half of")
    (tmp_path / ".hydra").mkdir()
    for number in (1, 2):
        folder.claim(existing=(".hydra",))
        folder.config.write_text("seed: 1")
        write_json(folder.results, {"status": status})
        attempt = tmp_path / f"attempt_{number}"
        assert sorted(os.listdir(attempt)) == ["checkpoints", "config.yaml", "results.json"]
    assert os.listdir(tmp_path / "attempt_1" / "checkpoints") == ["..next.ckpt.0123abcd"]
    assert (tmp_path / ".hydra").is_dir()


def test_a_claim_that_was_stopped_makes_place_too(tmp_path: Path) -> None:
    RunFolder(tmp_path).claim()
    RunFolder(tmp_path).claim()
    assert sorted(os.listdir(tmp_path)) == ["attempt_1", "checkpoints", "config.yaml"]


@pytest.mark.parametrize("what", ["completed", "checkpoint", "no results", "damaged results", "trained now"])
def test_any_other_run_keeps_its_place(what: str, tmp_path: Path) -> None:
    folder = stopped(tmp_path, "completed" if what == "completed" else "running")
    if what == "checkpoint":
        (folder.checkpoints / "last.ckpt").touch()
    elif what == "no results":  # any folder with a config.yaml, such as conf/
        folder.results.unlink()
    elif what == "damaged results":
        folder.results.write_text("{")
    before = sorted(tmp_path.rglob("*"))
    with ExitStack() as other, pytest.raises(UserError, match=r"holds a run|trains this run now"):
        if what == "trained now":
            other.enter_context(folder.locked())
        folder.claim()
    assert sorted(tmp_path.rglob("*")) == before


def test_paths_of_several_tasks_are_found_from_the_folder_where_they_were_typed() -> None:
    config = {"data": {"path": {"films": "films.csv", "products": "/data/products.csv"}}}
    found = with_data_in(config, "/started/here")
    assert found["data"]["path"] == {"films": "/started/here/films.csv", "products": "/data/products.csv"}
