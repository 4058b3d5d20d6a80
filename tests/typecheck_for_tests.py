"""The type checker of the tests: beartype, where an int counts as a float."""

import beartype

check = beartype.beartype(conf=beartype.BeartypeConf(is_pep484_tower=True))
