"""Source estimates and transcoded signals from a trained transcoder."""
