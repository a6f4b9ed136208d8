import { A_DIALOG } from '@mtchat/client/testing'
import { offerChoices, readChoices, type Choices } from './choices'
import type { Root } from './acts'
import { ORDER, STATES, type Shown } from './states'

/** What a stage is told: the same for the component and for the element. */
export interface Scene {
  readonly shown: Shown
  readonly choices: Choices
  readonly mode: 'full' | 'inline'
  readonly dialogId: string | undefined
}

/**
 * Builds the gallery; *put* puts the chat onto its stage and says where it is. Each state has data-state, and data-ready
 * once it is shown. Those that lie above the page have data-alone, and only a link.
 */
export function buildGallery(put: (stage: HTMLElement, scene: Scene) => Root): void {
  const choices = readChoices()
  offerChoices(document.getElementById('choices')!, choices)
  document.body.classList.toggle('bare', choices.isBare)
  document.documentElement.style.colorScheme = choices.theme === 'auto' ? 'light dark' : choices.theme === 'dark' ? 'dark' : 'light'
  const place = document.getElementById('states')!
  if (choices.width) place.style.setProperty('--width', `${choices.width}px`)
  place.classList.toggle('alone', choices.state !== '' || Number(choices.width) > 700)
  for (const shown of STATES) {
    if (choices.state ? shown.name !== choices.state : (shown.mode ?? choices.mode) !== choices.mode) continue
    const mode = shown.mode ?? choices.mode
    const section = document.createElement('section')
    section.className = 'state'
    section.dataset['state'] = shown.name
    const title = document.createElement('h2')
    const link = document.createElement('a')
    const alone = new URLSearchParams(location.search)
    alone.set('state', shown.name)
    link.href = `?${alone.toString()}`
    link.textContent = shown.title
    title.append(link)
    section.append(title)
    place.append(section)
    if (shown.isAlone && !choices.state) {
      section.dataset['alone'] = ''
      section.dataset['ready'] = ''
      continue
    }
    const stage = document.createElement('div')
    stage.className = 'stage'
    section.append(stage)
    const root = put(stage, { shown, choices, mode, dialogId: mode === 'full' && !shown.isClosed ? A_DIALOG : undefined })
    void settled().then(() => shown.act?.(root)).then(settled).then(() => {
      section.dataset['ready'] = ''
    })
  }
}

export const OBJECT = ORDER
const settled = () => new Promise<void>((resolve) => requestAnimationFrame(() => requestAnimationFrame(() => resolve())))
