// Light, dark, or as the system has it; charts are drawn anew when it changes.
import { store } from "./store.js";

const KEY = "wattline-theme";
const system = matchMedia("(prefers-color-scheme: dark)");

const first = document.documentElement.dataset.theme ?? (system.matches ? "dark" : "light");

/** "light" or "dark": what is shown. */
export const theme = store(first);

system.addEventListener("change", () => {
  if (!document.documentElement.dataset.theme) theme.set(system.matches ? "dark" : "light");
});

/** Changes to the other one; back at the system's, the page follows the system again. */
export function toggleTheme() {
  const next = theme.get() === "dark" ? "light" : "dark";
  const isSystem = next === (system.matches ? "dark" : "light");
  if (isSystem) delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = next;
  try {
    if (isSystem) localStorage.removeItem(KEY);
    else localStorage.setItem(KEY, next);
  } catch {
    // Then it lasts as long as the page.
  }
  theme.set(next);
}
