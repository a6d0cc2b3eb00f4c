// The figures as the hub tells them: sections of absolute values. socket.js -> here -> tiles.
// A frame from 0 is a snapshot and replaces all; null in a frame takes a key away.

export const store = { hub: "", seq: 0, at: 0 };
const sections = new Map();
const heard = new Set(); // sections that the hub has told, if only that there is nothing in them
const readers = []; // {names: Set, mark: function}

/** The values of a section by key; an empty map where the hub has said nothing yet. */
export function section(name) {
  if (!sections.has(name)) sections.set(name, new Map());
  return sections.get(name);
}

/** Whether the hub has told the section; before that, an empty one means nothing. */
export const told = (name) => heard.has(name);

/** Calls `mark` whenever one of the sections has changed. */
export function reads(names, mark) {
  readers.push({ names: new Set(names), mark });
}

/** Takes a frame. False where it does not join what is here: then a snapshot is needed. */
export function apply(frame) {
  const whole = frame.from === 0;
  if (!whole && (frame.hub !== store.hub || frame.from !== store.seq)) return false;
  const changed = new Set(Object.keys(frame.set));
  if (whole) heard.clear();
  if (whole) for (const [name, values] of sections) if (values.size) { values.clear(); changed.add(name); }
  for (const [name, values] of Object.entries(frame.set)) {
    const kept = section(name);
    heard.add(name);
    for (const [key, value] of Object.entries(values)) value === null ? kept.delete(key) : kept.set(key, value);
  }
  Object.assign(store, { hub: frame.hub, seq: frame.seq, at: frame.at });
  for (const reader of readers) if ([...reader.names].some((name) => changed.has(name))) reader.mark();
  return true;
}
