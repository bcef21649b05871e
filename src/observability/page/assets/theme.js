/* The colours that were chosen, before the first paint. A classic script: a module would come too late. */
{
  let kept = null;
  try {
    kept = localStorage.getItem('theme');
  } catch {
    // A browser that keeps nothing.
  }
  if (kept === 'light' || kept === 'dark') document.documentElement.dataset['theme'] = kept;
}
