// Chooses the page to show beside the timeline.

import { gcPage } from "./gc-page.js";
import { goroutinePage } from "./goroutine-page.js";
import { groupPage, groupsPage } from "./groups-page.js";
import { leakPage } from "./leak-page.js";
import { place } from "./place.js";
import { profilePage } from "./profile-page.js";
import { missing, subpage } from "./subpage.js";
import { tasksPage } from "./tasks-page.js";

/** Pages that need a trace. */
const OF_TRACES = new Set(["timeline", "goroutines", "group", "goroutine", "gc", "tasks"]);

/**
 * The page that the address names.
 * @param {App} app
 * @returns {HTMLElement}
 */
export function showPage(app) {
  const { page } = place();
  if (OF_TRACES.has(page) && !app.session.trace) {
    if (page === "timeline") return app.session.leak ? leakPage(app) : profilePage(app);
    return subpage("No trace", Promise.resolve(null), () => [
      missing(
        "This page needs an execution trace:",
        "curl -o trace.out 'HOST/debug/pprof/trace?seconds=5'; gotrace view trace.out",
      ),
    ]);
  }
  switch (page) {
    case "goroutines":
      return groupsPage(app);
    case "group":
      return groupPage(app);
    case "goroutine":
      return goroutinePage(app);
    case "gc":
      return gcPage(app);
    case "tasks":
      return tasksPage(app);
    case "leak":
      return leakPage(app);
    case "profile":
      return profilePage(app);
    default:
      return subpage("No such page", Promise.resolve(null), () => [
        missing("The address names a page that does not exist."),
      ]);
  }
}
