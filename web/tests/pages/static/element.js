// What a host does with <mt-chat>: everything it wants is in the address, so that a test can ask for it.
const wanted = JSON.parse(new URLSearchParams(location.search).get('o') ?? '{}')
const { config = {}, props = {}, count = 1, hasNoTokens } = wanted
// What the host was told.
const told = (window.hostTold = [])
async function aToken() {
  const answer = await fetch(`/token?user=${encodeURIComponent(config.userId)}`)
  if (!answer.ok) throw new Error('no token')
  return (await answer.json()).token
}
for (let n = 0; n < count; n += 1) {
  const chat = document.createElement('mt-chat')
  chat.config = {
    locale: 'en',
    reconnectInterval: 400,
    onAuthError: ({ code }) => told.push(`onAuthError ${code}`),
    ...(!hasNoTokens && { getToken: aToken }),
    ...config,
  }
  Object.assign(chat, props)
  chat.addEventListener('error', ({ detail }) => told.push(`error ${detail.code}`))
  document.getElementById('chat').append(chat)
}
