"""Cases of damaged files of music and of transcripts: MIDI, piano rolls, manifests, and language models."""

import io
import json
import random
import shutil
import struct
import wave
from pathlib import Path

from fuzzing.case import Case, shown
from fuzzing.damage import damage_bytes, damage_json
from fuzzing.template import SHORT, Template, command

FOLDER = "applied"
"""Of their files, in the working folder."""

MUSIC = ("task=music", "model.front.size=4", "callback.samples.length=4", "callback.piano_roll.length=4")
SPEECH = (
    *("task=transcription", "data=transcribed_audio", "data.source.bands=8", "data.split=[0.5,0.25,0.25]"),
    *("model.front.size=4", "callback.transcript_figures.count=1"),
)
RUN = "runs/transcription"

FILES: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("songs/1.mid", (*MUSIC, "data=midi", f"data.path={FOLDER}/songs")),
    ("songs/2.mid", (*MUSIC, "data=midi", f"data.path={FOLDER}/songs", "data.source.outside=drop")),
    ("rolls.mat", (*MUSIC, "data=piano_rolls", f"data.path={FOLDER}/rolls.mat")),
    ("rolls.json", (*MUSIC, "data=piano_rolls", f"data.path={FOLDER}/rolls.json", "head=nade")),
    ("spoken.csv", (*SPEECH, f"data.path={FOLDER}/spoken.csv")),
    ("spoken.tsv", (*SPEECH, f"data.path={FOLDER}/spoken.tsv")),
    ("spoken.jsonl", (*SPEECH, f"data.path={FOLDER}/spoken.jsonl")),
    ("0.wav", (*SPEECH, f"data.path={FOLDER}/spoken.csv")),
)
"""Damaged data, and the settings of what is trained on them."""

MODELS = ("lm.arpa", "lm.txt")
"""Damaged language models of a beam search."""


def write_applications(folder: Path) -> None:
    """Write tiny pieces of music, recordings with their manifests, and language models.

    Args:
        folder: is created.
    """
    import mido
    import numpy as np
    from scipy.io import savemat

    rng = random.Random(2)
    (folder / "songs").mkdir(parents=True)
    pieces = [[rng.sample(range(50, 70), 2) for _ in range(rng.randint(4, 9))] for _ in range(6)]
    for number, piece in enumerate(pieces):
        track = mido.MidiTrack([mido.MetaMessage("set_tempo", tempo=500_000)])
        for chord in piece:
            track += [mido.Message("note_on", note=note, velocity=64, time=0) for note in chord]
            track += [mido.Message("note_off", note=note, time=240 * (note == chord[0])) for note in chord]
        mido.MidiFile(type=0, ticks_per_beat=480, tracks=[track]).save(folder / "songs" / f"{number}.mid")
    parts = {"train": pieces[:4], "valid": pieces[4:5], "test": pieces[5:]}
    (folder / "rolls.json").write_text(json.dumps(parts))
    rolls = {}
    for name, own in parts.items():
        cells = np.empty((1, len(own)), dtype=object)
        for number, piece in enumerate(own):
            cells[0, number] = np.zeros((len(piece), 88), dtype=np.uint8)
            for step, chord in enumerate(piece):
                cells[0, number][step, [note - 21 for note in chord]] = 1
        rolls[f"{name}data"] = cells
    content = io.BytesIO()
    savemat(content, rolls, do_compression=True)
    (folder / "rolls.mat").write_bytes(content.getvalue())
    rows = []
    for number in range(8):
        samples = [int(6000 * rng.uniform(-1, 1)) for _ in range(1600)]
        with wave.open(str(folder / f"{number}.wav"), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(8000)
            file.writeframes(struct.pack(f"<{len(samples)}h", *samples))
        rows.append((f"{number}.wav", rng.choice(("a b", "b a", "ab a", "b ba"))))
    for suffix, separator in (("csv", ","), ("tsv", "\t")):
        table = "".join(f"{name}{separator}{text}\n" for name, text in rows)
        (folder / f"spoken.{suffix}").write_text(f"file{separator}text\n{table}")
    lines = (json.dumps({"file": name, "text": text}) for name, text in rows)
    (folder / "spoken.jsonl").write_text("".join(f"{line}\n" for line in lines))
    (folder / "lm.txt").write_text("ab\nba b\n" * 5)
    (folder / "lm.arpa").write_text(
        "\\data\\\nngram 1=5\nngram 2=2\n\n\\1-grams:\n-1 <s> -0.3\n-1 </s>\n-0.7 a -0.2\n-0.6 b -0.1\n-0.9 <space>\n\n"
        "\\2-grams:\n-0.2 a b\n-0.4 b a\n\n\\end\\\n"
    )


def add_applications(template: Template) -> None:
    """Add the files to the template, and a run of transcription that is trained on them."""
    write_applications(template.files / "work" / FOLDER)
    template.sandbox.make(template.files, [f"work/{FOLDER}"], template.kernels)
    words = [*SPEECH, *SHORT, f"data.path={FOLDER}/spoken.csv", f"hydra.run.dir={RUN}"]
    template.in_child(command("train.py", words))
    shutil.copytree(template.sandbox.work / RUN, template.files / "work" / RUN, symlinks=True)


def applications_case(template: Template, rng: random.Random) -> Case:
    """A damaged file of music or of transcripts, for training or for a trained run."""
    others = [template.files / "work" / FOLDER / name for name, _ in FILES]
    way = rng.random()
    if way < 0.6:
        name, settings = rng.choice(FILES)
        script, words = "train.py", [*settings, *SHORT]
        parts, new = (f"work/{FOLDER}",), ("work/runs",)
    elif way < 0.85:
        name = rng.choice(MODELS)
        script, words = (
            "scripts/predict.py",
            [RUN, f"{FOLDER}/0.wav", "--beam", "2", "--lm", f"{FOLDER}/{name}"],
        )
        words += rng.choice(((), ("--lm-unit", "word"), ("--lm-order", "2")))
        parts, new = (f"work/{FOLDER}", f"work/{RUN}"), ()
    else:
        name = rng.choice(("spoken.csv", "spoken.jsonl", "0.wav"))
        path = "spoken.csv" if name == "0.wav" else name
        script, words = "scripts/evaluate.py", [RUN, "--path", f"{FOLDER}/{path}"]
        parts, new = (f"work/{FOLDER}", f"work/{RUN}"), ()
    seed, by_value = rng.random(), name.endswith(".json") and rng.random() < 0.7

    def prepare(work: Path) -> None:
        chance = random.Random(seed)
        if by_value:
            damage_json(work / FOLDER / name, chance)
        else:
            damage_bytes(work / FOLDER / name, others, chance)

    return Case(
        kind="files of music and transcripts",
        title=f"{name} damaged, then {shown(script, words)}",
        action=command(script, words),
        parts=parts,
        prepare=prepare,
        new=new,
    )
