// A key of the keyboard clicks the link or button in a container, unless somebody is writing.
export default function ({ data, parentElement }) {
  const own = new AbortController()
  const writing = (e) => e.target.closest?.("input, textarea, select, [contenteditable=true]")
  document.addEventListener("keydown", (e) => {
    const where = data[e.key] ?? data[e.key.toLowerCase()]
    if (!where || e.ctrlKey || e.altKey || e.metaKey || writing(e)) return
    const found = document.querySelector(`.st-key-${where} a, .st-key-${where} button:not(:disabled)`)
    if (!found) return
    e.preventDefault()
    found.click()
  }, { signal: own.signal })
  return () => own.abort()
}
