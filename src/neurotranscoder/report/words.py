"""How the page names methods, quantities and kinds of sources, and what part a method plays."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

Role = Literal["own", "rival", "limit", "null"]

ROLES: dict[Role, str] = {
    "own": "this package",
    "rival": "rival",
    "limit": "oracle",
    "null": "null",
}
"""The tag of each role, in the order of showing."""

METHODS = {
    "transcoder": "Transcoder",
    "sparse": "Sparse sources, no network",
    "closed_form": "Closed form (linear)",
    "paper": "Paper's network",
    "vanilla": "Vanilla network",
    "ablation_no_whitening": "Without whitening",
    "ablation_no_component_choice": "Without choice of components",
    "ablation_no_smoothness": "Without smoothness of the HRF",
    "ablation_no_noise_filter": "Without the filter of BOLD noise",
    "ablation_no_noise_learning": "Without learning the noise",
    "ablation_no_band_power": "Without band power",
    "ablation_no_own_responses": "One response and decoder for all regions",
    "ablation_no_context": "Without context of windows",
    "ridge_lags": "Ridge with lags",
    "ridge_lags_power": "Ridge with lags, band power",
    "ridge_canonical_hrf": "Ridge, canonical HRF",
    "ridge_canonical_hrf_power": "Ridge, canonical HRF, band power",
    "ridge_eeg_from_bold": "Ridge, EEG from BOLD",
    "eeg_informed_fmri": "EEG-informed fMRI (GLM)",
    "cca": "Canonical correlation",
    "conv1x1_network": "1x1-convolution network",
    "mean_volume": "Mean volume",
    "wiener_deconvolution_canonical": "Wiener deconvolution, canonical HRF",
    "ridge_true_hrf": "Ridge, true HRF",
    "ridge_true_hrf_power": "Ridge, true HRF, band power",
    "wiener_deconvolution_true_hrf": "Wiener deconvolution, true HRF",
    "minimum_norm_true_leadfield": "Minimum norm, true leadfield",
    "dspm_true_leadfield": "dSPM, true leadfield",
    "sloreta_true_leadfield": "sLORETA, true leadfield",
    "eloreta_true_leadfield": "eLORETA, true leadfield",
    "lcmv_true_leadfield": "LCMV beamformer, true leadfield",
    "minimum_norm_wrong_leadfield": "Minimum norm, wrong leadfield",
    "dspm_wrong_leadfield": "dSPM, wrong leadfield",
    "sloreta_wrong_leadfield": "sLORETA, wrong leadfield",
    "eloreta_wrong_leadfield": "eLORETA, wrong leadfield",
    "lcmv_wrong_leadfield": "LCMV beamformer, wrong leadfield",
    "fmri_informed_minimum_norm": "fMRI-informed minimum norm",
    "symmetric_fusion_l2": "Symmetric fusion, squares",
    "symmetric_fusion_l1": "Symmetric fusion, absolute values",
    "oracle_spatial_wiener": "Oracle: spatial Wiener",
    "oracle_supervised_linear": "Oracle: supervised linear filter",
    "oracle_supervised_linear_power": "Oracle: supervised, band power",
    "oracle_supervised_mlp": "Oracle: supervised network (MLP)",
    "oracle_linear": "Oracle: linear, sees sources",
    "oracle_mlp": "Oracle: MLP, sees sources",
    "null_shifted": "Null: shifted in time",
    "null_wrong_run": "Null: another run's data",
    "null_shuffled_pairs": "Null: fitted to shuffled pairs",
    "null_phase_randomised": "Null: phases drawn at random",
    "control_global_signal": "Global signal alone",
    "closed_form_without_global_signal": "Closed form, global signal out",
}
"""In the order of showing within a role."""

PARTS: dict[str, str] = {
    "transcoder": "This package",
    "ablation": "Ablations",
    "rival": "Rivals that know no truth",
    "informed": "Given part of the truth",
    "oracle": "Oracles (limits)",
    "null": "Nulls",
    "control": "Controls",
}
"""What a method of the benchmark is compared for, in the order of showing."""

REFERENCES = {
    "best_rival": "best rival",
    "best_informed": "best of those given part of the truth",
    "better_single": "better single estimate",
}
"""What statistics of the benchmark are taken against, besides methods."""

QUANTITIES = {
    "bold_from_eeg": "BOLD from EEG",
    "eeg_from_bold": "EEG from BOLD",
    "source_from_eeg": "Source from EEG",
    "source_from_bold": "Source from BOLD",
    "source_fused": "Source, fused",
    "bold_from_bold": "BOLD from BOLD",
    "eeg_from_eeg": "EEG from EEG",
    "hrf": "HRF",
    "leadfield": "Leadfield",
}
"""In the order of showing."""

KINDS = ("all", "evoked", "oscillatory")

MEASURES = {
    "r_30s": "r over 30 s epochs",
    "spatial_r": "r over space, frame by frame",
    "best_lag": "Lag at which r is largest",
    "r_best_lag": "r at that lag",
    "r_waveform": "r with the waveform of rhythms",
    "nmse": "Normalised squared error, best scale",
    "localisation_error": "Localisation error",
    "spread": "Spread, median",
    "spread_of_truth": "Spread of a perfect estimate",
    "leakage": "Energy in silent blocks",
    "leakage_of_flat_map": "Energy of a flat map in silent blocks",
    "ssim": "Structural similarity (SSIM)",
    "ssim_of_mean_image": "SSIM of the mean image",
    "psnr": "Peak signal-to-noise ratio (PSNR)",
    "psnr_of_mean_image": "PSNR of the mean image",
    "peak": "Peak of the response",
    "fwhm": "Width of the response at half its peak",
    "region_peak_r": "r of peaks with the true ones, over regions",
    "region_peak_error": "Error of peaks, median over regions",
    "region_peak_covered": "Share of true peaks within their interval",
    "region_fwhm_r": "r of widths with the true ones, over regions",
    "region_undershoot_r": "r of undershoots with the true ones, over regions",
    "region_undershoot_error": "Error of undershoots (share of the peak), median over regions",
    "gate": "Gate of the network",
    "surviving_share_of_sd": "Share of sd that averaging to frames leaves",
}
"""In the order of showing."""


def name_of(method: str) -> str:
    """Return a method's name in words; an unknown method keeps its own."""
    return METHODS.get(method, method)


def measure_name(measure: str, unit: str) -> str:
    """Return a measure in words, with its unit; an unknown one keeps its name."""
    name = MEASURES.get(measure, measure)
    return f"{name} ({unit})" if unit and unit != "n/a" else name


def role_of(method: str) -> Role:
    """Return whether a method is one of ours, a rival, a limit that knows truth, or a null."""
    if method.startswith("null"):
        return "null"
    if method.startswith("oracle"):
        return "limit"
    return (
        "own" if method in {"transcoder", "sparse", "closed_form", "paper", "vanilla"} else "rival"
    )


def in_order(methods: Iterable[str]) -> tuple[str, ...]:
    """Return distinct methods: ours, rivals, limits, nulls; known names first within each."""
    roles, known = list(ROLES), list(METHODS)
    distinct = list(dict.fromkeys(methods))

    def place(method: str) -> tuple[int, int, int]:
        rank = known.index(method) if method in METHODS else len(known)
        return roles.index(role_of(method)), rank, distinct.index(method)

    return tuple(sorted(distinct, key=place))
