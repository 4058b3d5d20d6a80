"""Fit the closed-form transcoder to the tiny study (seconds) and keep it."""

from pathlib import Path

import neurotranscoder as nt

transcoder = nt.Transcoder("closed_form").fit("example/study")
transcoder.save(Path("example/model"))

trained = transcoder.trained
print("held-out runs:", ", ".join(trained.split.test))
print(f"the response peaks at {trained.response.peak:.1f} s, width {trained.response.fwhm:.1f} s")
