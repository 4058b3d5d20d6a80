"""The works that a methods text cites, and how they are cited."""

from __future__ import annotations

from dataclasses import dataclass

from neurotranscoder import __version__

_MANY = 2  # authors that a citation in the text names


@dataclass(frozen=True, slots=True)
class Reference:
    """A work.

    Parameters
    ----------
    key : str
        Its name in a text, and in BibTeX.
    authors : tuple of str
        As 'Family, Given'; 'others' where a list is cut, one word for a group.
    year : str
        When it appeared; empty for software.
    title : str
        Its title.
    venue : str
        Journal, proceedings, archive, or the version of software.
    place : str
        Volume, issue and pages.
    doi : str
        Without address; empty where there is none.
    kind : str
        Of BibTeX entry.
    """

    key: str
    authors: tuple[str, ...]
    year: str
    title: str
    venue: str
    place: str = ""
    doi: str = ""
    kind: str = "article"

    @property
    def cited(self) -> str:
        """As a text cites it: names and year."""
        names = [author.partition(",")[0] for author in self.authors]
        if "others" in names or len(names) > _MANY:
            who = f"{names[0]} et al."
        else:
            who = " & ".join(names)
        return f"{who}, {self.year or self.venue}"

    @property
    def line(self) -> str:
        """As a list of references has it."""
        names = [name if name != "others" else "et al." for name in self.authors]
        when = f" ({self.year})" if self.year else ""
        where = f"{self.venue} {self.place}".strip()
        doi = f" doi:{self.doi}" if self.doi else ""
        return f"{'; '.join(names)}{when}. {self.title}. {where}.{doi}"

    @property
    def bibtex(self) -> str:
        """As BibTeX has it; braces keep the case of the title."""
        group = len(self.authors) == 1 and "," not in self.authors[0]
        authors = " and ".join(self.authors)
        rows = {"author": f"{{{authors}}}" if group else authors, "title": f"{{{self.title}}}"}
        rows |= {"year": self.year} if self.year else {}
        rows |= self._where()
        rows |= {"doi": self.doi} if self.doi else {}
        body = "".join(f"  {name} = {{{value}}},\n" for name, value in rows.items())
        return f"@{self.kind}{{{self.key},\n{body}}}\n"

    def _where(self) -> dict[str, str]:
        """Return where it appeared, in fields of BibTeX."""
        if self.kind == "misc":
            return {"howpublished": self.venue}
        if self.kind == "inproceedings":
            return {"booktitle": self.venue, **({"pages": self.place} if self.place else {})}
        volume, _, pages = self.place.partition(":")
        volume, _, issue = volume.rstrip(")").partition("(")
        found = {"journal": self.venue, "volume": volume, "number": issue}
        return {name: one for name, one in {**found, "pages": pages}.items() if one}


REFERENCES: dict[str, Reference] = {
    one.key: one
    for one in (
        Reference(
            "neurotranscoder", ("neurotranscoder developers",), "", "neurotranscoder",
            f"version {__version__}", kind="misc",
        ),
        Reference(
            "liu2022", ("Liu, Xueqing", "Tu, Tao", "Sajda, Paul"), "2022",
            "Inferring latent neural sources via deep transcoding of simultaneously acquired EEG "
            "and fMRI",
            "arXiv:2212.02226", doi="10.48550/arXiv.2212.02226", kind="misc",
        ),
        Reference(
            "gorgolewski2016", ("Gorgolewski, K. J.", "others"), "2016",
            "The brain imaging data structure, a format for organizing and describing outputs of "
            "neuroimaging experiments",
            "Scientific Data", "3:160044", "10.1038/sdata.2016.44",
        ),
        Reference(
            "pernet2019",
            ("Pernet, C. R.", "Appelhoff, S.", "Gorgolewski, K. J.", "Flandin, G.", "Phillips, C.",
             "Delorme, A.", "Oostenveld, R."),
            "2019",
            "EEG-BIDS, an extension to the brain imaging data structure for "
            "electroencephalography",
            "Scientific Data", "6:103", "10.1038/s41597-019-0104-8",
        ),
        Reference(
            "allen2000", ("Allen, P. J.", "Josephs, O.", "Turner, R."), "2000",
            "A method for removing imaging artifact from continuous EEG recorded during "
            "functional MRI",
            "NeuroImage", "12(2):230-239", "10.1006/nimg.2000.0599",
        ),
        Reference(
            "niazy2005",
            ("Niazy, R. K.", "Beckmann, C. F.", "Iannetti, G. D.", "Brady, J. M.",
             "Smith, S. M."),
            "2005",
            "Removal of FMRI environment artifacts from EEG data using optimal basis sets",
            "NeuroImage", "28(3):720-737", "10.1016/j.neuroimage.2005.06.067",
        ),
        Reference(
            "marchenko1967", ("Marchenko, V. A.", "Pastur, L. A."), "1967",
            "Distribution of eigenvalues for some sets of random matrices",
            "Mathematics of the USSR-Sbornik", "1(4):457-483", "10.1070/SM1967v001n04ABEH001994",
        ),
        Reference(
            "ellis2007", ("Ellis, D. P. W.",), "2007", "Beat tracking by dynamic programming",
            "Journal of New Music Research", "36(1):51-60", "10.1080/09298210701653344",
        ),
        Reference(
            "gramfort2013",
            ("Gramfort, A.", "Luessi, M.", "Larson, E.", "Engemann, D. A.", "Strohmeier, D.",
             "Brodbeck, C.", "Goj, R.", "Jas, M.", "Brooks, T.", "Parkkonen, L.",
             "Hämäläinen, M."),
            "2013", "MEG and EEG data analysis with MNE-Python",
            "Frontiers in Neuroscience", "7:267", "10.3389/fnins.2013.00267",
        ),
        Reference(
            "somers2018", ("Somers, B.", "Francart, T.", "Bertrand, A."), "2018",
            "A generic EEG artifact removal algorithm based on the multi-channel Wiener filter",
            "Journal of Neural Engineering", "15(3):036007", "10.1088/1741-2552/aaac92",
        ),
        Reference(
            "perrin1989",
            ("Perrin, F.", "Pernier, J.", "Bertrand, O.", "Echallier, J. F."), "1989",
            "Spherical splines for scalp potential and current density mapping",
            "Electroencephalography and Clinical Neurophysiology", "72(2):184-187",
            "10.1016/0013-4694(89)90180-6",
        ),
        Reference(
            "power2012",
            ("Power, J. D.", "Barnes, K. A.", "Snyder, A. Z.", "Schlaggar, B. L.",
             "Petersen, S. E."),
            "2012",
            "Spurious but systematic correlations in functional connectivity MRI networks arise "
            "from subject motion",
            "NeuroImage", "59(3):2142-2154", "10.1016/j.neuroimage.2011.10.018",
        ),
        Reference(
            "mattes2003",
            ("Mattes, D.", "Haynor, D. R.", "Vesselle, H.", "Lewellen, T. K.", "Eubank, W."),
            "2003", "PET-CT image registration in the chest using free-form deformations",
            "IEEE Transactions on Medical Imaging", "22(1):120-128", "10.1109/TMI.2003.809072",
        ),
        Reference(
            "lowekamp2013", ("Lowekamp, B. C.", "Chen, D. T.", "Ibáñez, L.", "Blezek, D."),
            "2013", "The design of SimpleITK",
            "Frontiers in Neuroinformatics", "7:45", "10.3389/fninf.2013.00045",
        ),
        Reference(
            "greve2009", ("Greve, D. N.", "Fischl, B."), "2009",
            "Accurate and robust brain image alignment using boundary-based registration",
            "NeuroImage", "48(1):63-72", "10.1016/j.neuroimage.2009.06.060",
        ),
        Reference(
            "ashburner2005", ("Ashburner, J.", "Friston, K. J."), "2005",
            "Unified segmentation",
            "NeuroImage", "26(3):839-851", "10.1016/j.neuroimage.2005.02.018",
        ),
        Reference(
            "shattuck2001",
            ("Shattuck, D. W.", "Sandor-Leahy, S. R.", "Schaper, K. A.", "Rottenberg, D. A.",
             "Leahy, R. M."),
            "2001", "Magnetic resonance image tissue classification using a partial volume model",
            "NeuroImage", "13(5):856-876", "10.1006/nimg.2000.0730",
        ),
        Reference(
            "vanleemput1999",
            ("Van Leemput, K.", "Maes, F.", "Vandermeulen, D.", "Suetens, P."), "1999",
            "Automated model-based bias field correction of MR images of the brain",
            "IEEE Transactions on Medical Imaging", "18(10):885-896", "10.1109/42.811268",
        ),
        Reference(
            "behzadi2007",
            ("Behzadi, Y.", "Restom, K.", "Liau, J.", "Liu, T. T."), "2007",
            "A component based noise correction method (CompCor) for BOLD and perfusion based "
            "fMRI",
            "NeuroImage", "37(1):90-101", "10.1016/j.neuroimage.2007.04.042",
        ),
        Reference(
            "ashburner1999",
            ("Ashburner, J.", "Friston, K. J."), "1999",
            "Nonlinear spatial normalization using basis functions",
            "Human Brain Mapping", "7(4):254-266",
            "10.1002/(SICI)1097-0193(1999)7:4<254::AID-HBM4>3.0.CO;2-G",
        ),
        Reference(
            "fonov2011",
            ("Fonov, V.", "Evans, A. C.", "Botteron, K.", "Almli, C. R.", "McKinstry, R. C.",
             "Collins, D. L."),
            "2011", "Unbiased average age-appropriate atlases for pediatric studies",
            "NeuroImage", "54(1):313-327", "10.1016/j.neuroimage.2010.07.033",
        ),
        Reference(
            "abraham2014",
            ("Abraham, A.", "Pedregosa, F.", "Eickenberg, M.", "Gervais, P.", "Mueller, A.",
             "Kossaifi, J.", "Gramfort, A.", "Thirion, B.", "Varoquaux, G."),
            "2014", "Machine learning for neuroimaging with scikit-learn",
            "Frontiers in Neuroinformatics", "8:14", "10.3389/fninf.2014.00014",
        ),
        Reference(
            "esteban2019",
            ("Esteban, O.", "Markiewicz, C. J.", "Blair, R. W.", "others"), "2019",
            "fMRIPrep: a robust preprocessing pipeline for functional MRI",
            "Nature Methods", "16:111-116", "10.1038/s41592-018-0235-4",
        ),
        Reference(
            "minka2001", ("Minka, T. P.",), "2001",
            "Expectation propagation for approximate Bayesian inference",
            "Proceedings of the 17th Conference on Uncertainty in Artificial Intelligence",
            "362-369", "10.48550/arXiv.1301.2294", "inproceedings",
        ),
        Reference(
            "kingma2014", ("Kingma, D. P.", "Ba, J."), "2014",
            "Adam: a method for stochastic optimization", "arXiv:1412.6980",
            doi="10.48550/arXiv.1412.6980", kind="misc",
        ),
        Reference(
            "paszke2019", ("Paszke, A.", "others"), "2019",
            "PyTorch: an imperative style, high-performance deep learning library",
            "arXiv:1912.01703", doi="10.48550/arXiv.1912.01703", kind="misc",
        ),
        Reference(
            "benjamini1995", ("Benjamini, Y.", "Hochberg, Y."), "1995",
            "Controlling the false discovery rate: a practical and powerful approach to multiple "
            "testing",
            "Journal of the Royal Statistical Society: Series B", "57(1):289-300",
            "10.1111/j.2517-6161.1995.tb02031.x",
        ),
        Reference(
            "maris2007", ("Maris, E.", "Oostenveld, R."), "2007",
            "Nonparametric statistical testing of EEG- and MEG-data",
            "Journal of Neuroscience Methods", "164(1):177-190",
            "10.1016/j.jneumeth.2007.03.024",
        ),
        Reference(
            "efron1979", ("Efron, B.",), "1979",
            "Bootstrap methods: another look at the jackknife",
            "The Annals of Statistics", "7(1):1-26", "10.1214/aos/1176344552",
        ),
        Reference(
            "efron1981", ("Efron, B.", "Stein, C."), "1981",
            "The jackknife estimate of variance",
            "The Annals of Statistics", "9(3):586-596", "10.1214/aos/1176345462",
        ),
    )
}  # fmt: skip
"""All of them, by key."""
