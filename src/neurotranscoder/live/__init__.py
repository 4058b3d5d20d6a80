"""Sources while the EEG is being recorded: a frame in, a frame out, nothing looks ahead."""
