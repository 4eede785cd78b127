// Runs before the first paint, so that a chosen theme never flashes in the other colours.
try {
  const chosen = localStorage.getItem("wattline-theme");
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
} catch {
  // Storage may be forbidden; the system's theme holds then.
}
