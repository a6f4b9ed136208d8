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
  const show = (mode: Person['mode']) => {
    chat.mode = mode
    // In full mode an object would narrow the list to its own chats.
    chat.objectType = mode === 'inline' ? order.type : null
    chat.objectId = mode === 'inline' ? order.id : null
  }
  show(person.mode)
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
  chat.messageLink = `${location.pathname}?dialog={dialogId}&message={messageId}`
  chats.push(chat)
  // Where there is room for one pane only, the order is what a newcomer wants to see, and the list is one step back.
  const open = async () => {
    const linked = new URLSearchParams(location.search)
    const [newest] = await chat.loadDialogsByObject(order.type, order.id)
    chat.messageId = linked.get('message')
    chat.dialogId = linked.get('dialog') ?? newest ?? null
  }
  if (person.mode === 'full') chat.addEventListener('connected', () => void open(), { once: true })

  const card = make('section', '', 'person')
  card.dataset['person'] = person.user_id
  const title = make('h2', person.name)
  title.id = `person-${person.user_id}`
  card.setAttribute('aria-labelledby', title.id)
  const who = make('div', '', 'who')
  who.append(title, make('p', `${person.company}, ${person.note}`))

  const modes = (['full', 'inline'] as const).map((mode) => {
    const button = make('button', mode === 'full' ? 'All chats' : 'This order')
    button.type = 'button'
    const press = () => button.setAttribute('aria-pressed', String(chat.mode === mode))
    press()
    button.addEventListener('click', () => {
      show(mode)
      for (const each of modes) each.press()
    })
    return { button, press }
  })
  const cable = make('button', 'Cut off')
  cable.type = 'button'
  cable.title = 'As if the network were gone: write meanwhile, and switch it on again'
  cable.setAttribute('aria-pressed', 'false')
  cable.addEventListener('click', () => {
    if (network.isCut) network.restore()
    else network.cut()
    cable.setAttribute('aria-pressed', String(network.isCut))
    card.classList.toggle('cut', network.isCut)
  })
  const tools = make('div', '', 'tools')
  tools.setAttribute('role', 'group')
  tools.setAttribute('aria-label', `What ${person.name} sees`)
  const head = make('header')
  head.append(who, tools)
  tools.append(...modes.map(({ button }) => button), cable)
  card.append(head, chat)
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

/** Where there is room for one card, one says whose. */
function seats(cards: readonly (readonly [card: HTMLElement, name: string])[]): void {
  const buttons = cards.map(([card, name]) => {
    const button = make('button', name)
    button.type = 'button'
    button.addEventListener('click', () => sit(card))
    return button
  })
  const sit = (chosen: HTMLElement) => {
    for (const [at, [card]] of cards.entries()) {
      card.toggleAttribute('data-current', card === chosen)
      buttons[at]!.setAttribute('aria-pressed', String(card === chosen))
    }
  }
  document.getElementById('seats')!.append(...buttons)
  sit(cards[0]![0])
}

const desk = (await (await fetch('/demo/desk.json')).json()) as Desk
document.getElementById('order')!.textContent = desk.order.title
const cards = desk.people.map((person) => seat(person, desk.order))
choose('theme')
choose('locale')
document.getElementById('people')!.prepend(...cards)
seats([...cards.map((card, at) => [card, desk.people[at]!.name.split(' ')[0]!] as const), [document.getElementById('backend')!, 'Backend']])
followWebhooks(document.getElementById('heard')!)
