"""A simulated study whose subjects have different caps, and one whose EEG is broken."""

from neurotranscoder.simulate.catalogue import named_scenario
from neurotranscoder.simulate.session import simulate_study

LACKING = ("F3", "CP4")
UNKNOWN = ("Iz", "TP9")


def retyped(root, subject, names):
    """Channels of a subject are no EEG any more."""
    for table in root.glob(f"sub-{subject}/eeg/*_channels.tsv"):
        lines = table.read_text(encoding="utf-8").splitlines()
        rows = [line.split("\t") for line in lines]
        kinds = [[one[0], "MISC", *one[2:]] if one[0] in names else one for one in rows]
        table.write_text("\n".join("\t".join(one) for one in kinds) + "\n", encoding="utf-8")


def renamed(root, subject, names):
    """Channels of a subject have other names, in all files that name them."""
    for path in root.glob(f"sub-{subject}/eeg/*"):
        if path.suffix in (".vhdr", ".tsv"):
            text = path.read_text(encoding="utf-8")
            for old, new in names.items():
                for before, after in (("=", ","), ("\n", "\t")):
                    text = text.replace(f"{before}{old}{after}", f"{before}{new}{after}")
            path.write_text(text, encoding="utf-8")


def study_of_odd_caps(root, *, duration=60.0, runs=1):
    """Four subjects: 02 lacks two channels, 03 has a cap of another maker, 04 lost its samples."""
    sizes = {"n_subjects": 4, "runs_per_subject": runs, "duration": duration}
    simulate_study(named_scenario("cohort", preset="tiny", seed=100, **sizes), root)
    retyped(root, "02", LACKING)
    older = {"T7": "T3", "T8": "T4", "P7": "T5", "Fp1": "FP1"}
    renamed(root, "03", {**older, **{name: f"{name}h" for name in UNKNOWN}})
    for samples in root.glob("sub-04/eeg/*.eeg"):
        samples.unlink()
    return root
