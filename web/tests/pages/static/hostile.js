// A host with shortcuts of one letter, and with Enter and Escape of its own.
window.hostHeard = []
document.addEventListener('keydown', (event) => {
  window.hostHeard.push(event.key)
  if (/^[a-z]$/.test(event.key) && !event.ctrlKey) event.preventDefault()
})
