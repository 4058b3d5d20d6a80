"""``python -m neurotranscoder`` is the command ``neurotranscoder``."""

from neurotranscoder.cli import main

main()
