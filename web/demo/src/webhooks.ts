interface Heard {
  number: number
  at: string
  type: string
  payload: Record<string, unknown> & { message?: { sender_id?: string }; user_id?: string; recipient_id?: string }
}

const EVERY_MS = 1_500
const SHOWN = 30
const WORDS: Record<string, (payload: Heard['payload']) => string> = {
  'message.new': ({ message }) => `${message?.sender_id ?? 'somebody'} wrote`,
  'participant.joined': ({ user_id }) => `${user_id} joined`,
  'participant.left': ({ user_id }) => `${user_id} left`,
  'notification.pending': ({ recipient_id }) => `${recipient_id} has not read it: time for an e-mail`,
  'notification.cancelled': ({ recipient_id }) => `${recipient_id} has read it after all`,
}

/** Shows in *list* what the host hears, newest first. */
export function followWebhooks(list: HTMLElement): void {
  let last = 0
  const look = async () => {
    try {
      const answer = await fetch(`/demo/webhooks?after=${last}`)
      if (answer.ok) for (const heard of ((await answer.json()) as { data: Heard[] }).data) show(heard)
    } catch {
      // The demo was stopped; it may come back.
    }
    setTimeout(() => void look(), EVERY_MS)
  }
  const show = (heard: Heard) => {
    last = heard.number
    list.querySelector('.none')?.remove()
    const details = document.createElement('details')
    const summary = document.createElement('summary')
    const type = document.createElement('code')
    type.textContent = heard.type
    summary.append(new Date(heard.at).toLocaleTimeString(), ' ', type, ` ${WORDS[heard.type]?.(heard.payload) ?? ''}`)
    const body = document.createElement('pre')
    body.textContent = JSON.stringify(heard.payload, null, 2)
    details.append(summary, body)
    const item = document.createElement('li')
    item.append(details)
    list.prepend(item)
    while (list.children.length > SHOWN) list.lastElementChild?.remove()
  }
  void look()
}
