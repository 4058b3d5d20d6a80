"""Tiny data sets in the layouts that can be imported: noise, and markers where they belong."""

import json
from pathlib import Path

import nibabel as nib
import numpy as np
from scipy.io import savemat

from neurotranscoder.core.axes import Montage
from neurotranscoder.core.recording import Eeg, OtherChannel
from neurotranscoder.io.brainvision import write_brainvision

N_VOLUMES = 8
SHAPE = (6, 6, 4)
AFFINE = np.diag([3.0, 3.0, 4.0, 1.0])


def write_image(path, *, tr, n_volumes=N_VOLUMES, n_slices=SHAPE[2], seed=0):
    """Write a bright head in noise."""
    rng = np.random.default_rng(seed)
    shape = (*SHAPE[:2], n_slices)
    head = np.zeros(shape)
    head[1:5, 1:5, :] = 1000
    data = head[..., np.newaxis] + 10 * rng.random((*shape, n_volumes))
    image = nib.Nifti1Image(data.astype(np.int16), AFFINE)
    image.header.set_xyzt_units("mm", "sec")
    image.header.set_zooms((3, 3, 4, tr))
    path.parent.mkdir(parents=True, exist_ok=True)
    nib.save(image, path)
    return data.astype(np.int16)


def write_anatomy(path):
    """Write a small 3-D image."""
    path.parent.mkdir(parents=True, exist_ok=True)
    nib.save(nib.Nifti1Image(np.ones((4, 4, 4), dtype=np.int16), AFFINE), path)


def levels(n_times, marks, *, base=0, length=200):
    """Return a row of levels: a base, and codes that last for some samples."""
    row = np.full(n_times, base, dtype=float)
    for sample, code in marks:
        row[sample : sample + length] = code
    return row


def write_ds000116(root, *, subjects=(1, 2), n_volumes=N_VOLUMES, tasks=(1,)):
    """Write subjects of ds000116 in the layout of openFMRI; return the matrices in V."""
    rng = np.random.default_rng(1)
    n_times = n_volumes * 2000
    stimuli = levels(n_times, [(3000, 125), (6000, 150), (9000, 125)], base=25)
    stimuli[:100] = 0
    responses = levels(n_times, [(6400, 100)])
    volts = {}
    for subject in subjects:
        base = root / f"sub{subject:03d}"
        for task in tasks:
            run = f"task{task:03d}_run001"
            folder = base / "EEG" / run
            folder.mkdir(parents=True)
            code = stimuli if task == 1 else np.where(stimuli > 25, stimuli + 100, stimuli)
            signals = 1e-5 * rng.standard_normal((47, n_times))
            volts[subject, task] = signals
            rows = {"stimuli": code, "responses": responses}
            raw = np.vstack([1e4 * signals, *rows.values()])
            no_ga = np.vstack([1e6 * signals, *rows.values()])
            reref = np.vstack([1e6 * signals[:35], *rows.values()])
            savemat(folder / "EEG_raw.mat", {"data": raw})
            savemat(folder / "EEG_noGA.mat", {"data_noGA": no_ga})
            savemat(folder / "EEG_rereferenced.mat", {"data_reref": reref})
            write_image(base / "BOLD" / run / "bold.nii.gz", tr=2.0, n_volumes=n_volumes)
            behaviour = base / "behav" / run / "behavdata.txt"
            behaviour.parent.mkdir(parents=True)
            behaviour.write_text("TrialOnset RT\n3.0 n/a\n6.0 0.4\n9.0 n/a\n")
        write_anatomy(base / "anatomy" / "highres001.nii.gz")
    (root / "slice_order.txt").write_text("1\n2\n3\n4\n")
    return volts


def brainvision(path, markers, *, sfreq, seconds, seed=0, names=("Fz", "Cz", "Oz", "ECG")):
    """Write noise of 10 uV; return it in V. Markers are (second, type, description)."""
    rng = np.random.default_rng(seed)
    data = 1e-5 * rng.standard_normal((len(names), round(seconds * sfreq)))
    eeg = Eeg(data[:-1], sfreq, Montage(names[:-1]),
              others=(OtherChannel(names[-1], "ECG", data[-1]),))  # fmt: skip
    path.parent.mkdir(parents=True, exist_ok=True)
    write_brainvision(path, eeg)
    lines = [
        f"Mk{i}={kind},{text},{round(second * sfreq) + 1},1,0"
        for i, (second, kind, text) in enumerate(markers, start=1)
    ]
    header = path.with_suffix(".vmrk")
    header.write_text(header.read_text().rstrip() + "\n" + "\n".join(lines) + "\n")
    return data


def as_dat(path):
    """Give a recording the ending that BrainVision Analyzer uses."""
    path.with_suffix(".eeg").rename(path.with_suffix(".dat"))
    for one in (path, path.with_suffix(".vmrk")):
        one.write_text(one.read_text().replace(f"{path.stem}.eeg", f"{path.stem}.dat"))


def dated(path, date):
    """Put a dated first segment before the markers of a file."""
    text = path.read_text().replace("Mk1=", f"Mk1=New Segment,,1,1,0,{date}\nMk2=", 1)
    head, _, body = text.partition("Mk2=")
    lines = (f"Mk2={body}").splitlines()
    lines = [f"Mk{i}={line.partition('=')[2]}" for i, line in enumerate(lines, start=2)]
    path.write_text(head + "\n".join(lines) + "\n")


def write_noddi(root, *, ids=("32", "36"), tops=("EEG1", "EEG2"), n_slices=30):
    """Write subjects of NODDI; the cleaned EEG begins 1.4 s after the raw one."""
    data = {}
    starts = 0.144 + 2.16 * np.arange(N_VOLUMES)
    for number, (label, top) in enumerate(zip(ids, tops, strict=True)):
        folder = root / top / label
        cleaned = folder / "export" / f"20130410{label}0002_Segmentation_bin.vhdr"
        marks = [(t, "Scanner", "Scan Start") for t in starts]
        sync = [(t, "SyncStatus", "Sync On") for t in (0.6, 2.6, 4.6)]
        seconds = N_VOLUMES * 2.16 + 1
        data[label] = brainvision(
            cleaned, sorted(marks + sync), sfreq=250.0, seconds=seconds, seed=number
        )
        dated(cleaned.with_suffix(".vmrk"), "20130410102501400000")
        as_dat(cleaned)
        raw = folder / "raw" / f"20130410{label}0002.vhdr"
        sync = [(t, "SyncStatus", "Sync On") for t in (0.0, 2.0, 4.0, 6.0)]
        brainvision(raw, sync, sfreq=1000.0, seconds=seconds + 3, seed=number)
        dated(raw.with_suffix(".vmrk"), "20130410102500000000")
        images = root / "fMRI" / label
        write_image(images / "3_nw_mepi_rest_with_cross.nii.gz", tr=2.16, n_slices=n_slices)
        write_anatomy(images / "2_fl3D_t1_sag_fun_defaced.nii.gz")
    return data


def write_ds002336(root, *, task="motorloc", subjects=("xp101",)):
    """Write subjects of ds002336: ten volumes, of which the first comes before the protocol."""
    starts = 2.0 * np.arange(10)
    for subject in subjects:
        base = root / f"sub-{subject}"
        stem = f"sub-{subject}_task-{task}"
        volumes = [(1.0 + t, "Response", "R128") for t in starts]
        blocks = [(3.0, "Stimulus", "S 99"), (23.0, "Stimulus", "S  2")]
        raw = base / "eeg" / f"{stem}_eeg.vhdr"
        brainvision(raw, sorted(volumes + blocks), sfreq=5000.0, seconds=24)
        cleaned = root / "derivatives" / base.name / "eeg_pp" / f"{stem}_eeg_pp.vhdr"
        marks = [(t, "Response", "R128") for t in starts[:9]] + [(0.0, "Stimulus", "S 99")]
        brainvision(cleaned, sorted(marks), sfreq=200.0, seconds=18)
        as_dat(cleaned)
        image = base / "func" / f"{stem}_bold.nii.gz"
        write_image(image, tr=2.0, n_volumes=10)
        timing = {"RepetitionTime": 2, "SliceTiming": [1.0, 0.0, 1.5, 0.5], "EchoTime": 0.023}
        image.with_name(f"{stem}_bold.json").write_text(json.dumps(timing))
        write_anatomy(base / "anat" / f"sub-{subject}_T1w.nii.gz")
    table = "onset\tduration\ttrial_type\tstim_file\n2\t8\tRest\ta.png\n10\t8\tTask-ME\tb.png\n\n"
    (root / f"task-{task}_events.tsv").write_text(table)


def write_set(path, markers, *, sfreq, seconds, names=("Fz", "Cz", "ECG", "EOGL"), seed=0):
    """Write an EEGLAB recording with samples in a file of its own; return it in V."""
    rng = np.random.default_rng(seed)
    n_times = round(seconds * sfreq)
    data = (10 * rng.standard_normal((len(names), n_times))).astype("<f4")
    path.parent.mkdir(parents=True, exist_ok=True)
    data.T.tofile(path.with_suffix(".fdt"))
    kind = [("type", object), ("latency", object), ("duration", object)]
    event = np.array([(text, second * sfreq + 1, 0.0) for second, text in markers], dtype=kind)
    place = [("labels", object), ("X", object), ("Y", object), ("Z", object)]
    empty = np.zeros((0, 0))
    chanlocs = np.array([(name, empty, empty, empty) for name in names], dtype=place)
    content = {
        "setname": path.stem, "nbchan": len(names), "pnts": n_times, "trials": 1, "srate": sfreq,
        "xmin": 0.0, "xmax": (n_times - 1) / sfreq, "data": path.with_suffix(".fdt").name,
        "chanlocs": chanlocs, "event": event, "epoch": empty, "icawinv": empty,
        "icasphere": empty, "icaweights": empty, "ref": "common",
    }  # fmt: skip
    savemat(path, {"EEG": content}, appendmat=False)
    return 1e-6 * data


def write_natview(root, *, task="checker", subject="01", with_json=True):
    """Write a session of NATVIEW, raw and cleaned."""
    stem = f"sub-{subject}_ses-01_task-{task}"
    marks = [(1.0 + 2.1 * i, "R128") for i in range(N_VOLUMES)]
    seconds = 2 + 2.1 * N_VOLUMES
    base = Path(f"sub-{subject}/ses-01")
    raw = root / "raw_data" / base
    data = write_set(raw / "eeg" / f"{stem}_eeg.set", marks, sfreq=1000.0, seconds=seconds)
    cleaned = root / "preproc_data" / base / "eeg" / f"{stem}_eeg.set"
    write_set(cleaned, marks, sfreq=250.0, seconds=seconds, names=("Fz", "Cz"))
    image = raw / "func" / f"{stem}_bold.nii.gz"
    write_image(image, tr=2.1)
    write_anatomy(raw / "anat" / f"sub-{subject}_ses-01_T1w.nii.gz")
    if with_json:
        timing = {"RepetitionTime": 2.1, "SliceTiming": [0.0, 1.05, 0.525, 1.575]}
        image.with_name(f"{stem}_bold.json").write_text(json.dumps(timing))
    return data
