// Applies the chosen theme before the first paint. A module would run after it.
try {
  const theme = localStorage.getItem("cutline-theme");
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
} catch {
  // Without storage, the system's theme applies.
}
