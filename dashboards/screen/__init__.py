"""The live screen: one hub a server process, frames, filters, playback. Redis -> here -> websockets."""
