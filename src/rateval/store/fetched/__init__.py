"""Files behind URLs that a spec names, fetched into a folder of this computer of bounded size."""
