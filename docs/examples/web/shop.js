// The chat tells the page what happens in it.
document.querySelector('mt-chat').addEventListener('message-sent', ({ detail }) => {
  document.getElementById('last-said').textContent = `Last said at ${new Date(detail.sent_at).toLocaleTimeString()}`
})
