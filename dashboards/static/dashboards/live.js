// The live page. It brings its first figures along; the socket goes on from there.
import { connect } from "./socket.js";
import { filters } from "./filters.js";
import { keys } from "./keys.js";
import { look } from "./mood.js";
import { page } from "./page.js";
import { replay } from "./replay.js";
import { share } from "./share.js";
import { apply } from "./store.js";
import { theme } from "./theme.js";
import { alerts } from "./tiles/alerts.js";
import { feed } from "./tiles/feed.js";
import { funnel } from "./tiles/funnel.js";
import { drawNow, numbers } from "./tiles/numbers.js";
import { pipeline } from "./tiles/pipeline.js";
import { products } from "./tiles/products.js";
import { pulse } from "./tiles/pulse.js";
import { scrubber } from "./tiles/scrubber.js";
import { strip } from "./tiles/strip.js";
import { tabs } from "./tiles/tabs.js";
import { wall } from "./wall.js";

filters();
if (!page.shared) replay();
for (const tile of [strip, alerts, numbers, pulse, funnel, products, pipeline, tabs, feed, theme, keys, wall, share]) tile();
if (document.body.dataset.first) apply(JSON.parse(document.body.dataset.first));
look();
drawNow();
setTimeout(() => { // the first figures do not wait for these: formats of time alone take half as long as all of the above
  connect();
  if (!page.shared) scrubber();
});
