"""What a scientist asks of a trained transcoder."""
