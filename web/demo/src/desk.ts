// The order desk: what a host's page does with <mt-chat>, three times.
import type { MTChatElement } from '@mtchat/element'
import { createNetwork } from './network'
import { followWebhooks } from './webhooks'

interface Person {
  user_id: string
  name: string
  company: string
  note: string
  mode: 'full' | 'inline'
}
interface Desk {
  order: { type: string; id: string; title: string }
  people: Person[]
}

const chats: MTChatElement[] = []

function make<K extends keyof HTMLElementTagNameMap>(name: K, text = '', className = ''): HTMLElementTagNameMap[K] {
  const element = document.createElement(name)
  element.textContent = text
  if (className) element.className = className
  return element
}

function seat(person: Person, order: Desk['order']): HTMLElement {
  const network = createNetwork()
  const chat = document.createElement('mt-chat') as MTChatElement
  chat.mode = person.mode
  chat.objectType = order.type
  chat.objectId = order.id
  chat.config = {
    userId: person.user_id,
    userProfile: { displayName: person.name, company: person.company },
    getToken: async () => {
      const answer = await network.fetch(`/demo/token/${encodeURIComponent(person.user_id)}`)
      return ((await answer.json()) as { token: string }).token
    },
    fetch: network.fetch,
    WebSocket: network.WebSocket,
    XMLHttpRequest: network.XMLHttpRequest,
  }
  chats.push(chat)

  const card = make('section', '', 'person')
  card.dataset['person'] = person.user_id
  const title = make('h2', person.name)
  title.id = `person-${person.user_id}`
  card.setAttribute('aria-labelledby', title.id)
  const head = make('header')
  head.append(title, make('span', `${person.company}, ${person.note}`, 'note'))

  const modes = (['full', 'inline'] as const).map((mode) => {
    const button = make('button', mode === 'full' ? 'All chats' : 'This order only')
    button.type = 'button'
    const show = () => button.setAttribute('aria-pressed', String(chat.mode === mode))
    show()
    button.addEventListener('click', () => {
      chat.mode = mode
      for (const each of modes) each.show()
    })
    return { button, show }
  })
  const cable = make('button', 'Stop the network')
  cable.type = 'button'
  cable.setAttribute('aria-pressed', 'false')
  cable.addEventListener('click', () => {
    if (network.isCut) network.restore()
    else network.cut()
    cable.setAttribute('aria-pressed', String(network.isCut))
    card.classList.toggle('cut', network.isCut)
  })
  const tools = make('div', '', 'tools')
  tools.append(...modes.map(({ button }) => button), cable)
  card.append(head, tools, chat)
  return card
}

function choose(id: 'theme' | 'locale'): void {
  const select = document.getElementById(id) as HTMLSelectElement
  const apply = () => {
    for (const chat of chats) chat[id] = select.value
    if (id === 'theme') document.documentElement.style.colorScheme = select.value === 'auto' ? 'light dark' : select.value
  }
  select.addEventListener('change', apply)
  apply()
}

const desk = (await (await fetch('/demo/desk.json')).json()) as Desk
document.getElementById('order')!.textContent = desk.order.title
const cards = desk.people.map((person) => seat(person, desk.order))
choose('theme')
choose('locale')
document.getElementById('people')!.append(...cards)
followWebhooks(document.getElementById('heard')!)
