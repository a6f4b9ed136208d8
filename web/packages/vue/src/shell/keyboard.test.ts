// @vitest-environment happy-dom
import { aDialog, aMessage, aState, aTranscript } from '@mtchat/client/testing'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { picture } from '../../test/host'

/** A phone 800 px high, of which the keyboard takes its part. */
class View extends EventTarget {
  height = window.innerHeight
  offsetTop = 0
  scale = 1
  listening = 0

  override addEventListener(...given: Parameters<EventTarget['addEventListener']>): void {
    this.listening += 1
    super.addEventListener(...given)
  }

  override removeEventListener(...given: Parameters<EventTarget['removeEventListener']>): void {
    this.listening -= 1
    super.removeEventListener(...given)
  }

  become(change: Partial<Pick<View, 'height' | 'offsetTop' | 'scale'>>, by = 'resize'): void {
    Object.assign(this, change)
    this.dispatchEvent(new Event(by))
  }
}

let view: View
const root = () => document.querySelector<HTMLElement>('.mtchat')!
const field = () => document.querySelector<HTMLElement>('.mtchat-composer textarea')!
const covered = () => root().style.getPropertyValue('--mtchat-keyboard')

beforeEach(() => {
  vi.stubGlobal('innerHeight', 800)
  view = new View()
  vi.stubGlobal('visualViewport', view)
})
afterEach(() => vi.unstubAllGlobals())

/** A chat that fills the phone's screen. */
async function chat() {
  const dialog = aDialog()
  const shown = await picture(aState({ dialogs: { [dialog.id]: dialog }, transcripts: { [dialog.id]: aTranscript([aMessage(1)]) } }), { dialogId: dialog.id })
  const measured = vi.spyOn(root(), 'getBoundingClientRect').mockReturnValue({ bottom: 800 } as DOMRect)
  return { ...shown, measured }
}

describe('the keyboard of a phone', () => {
  it('covers nothing of a chat one writes in, which is as it was when the keyboard goes', async () => {
    await chat()
    field().focus()

    view.become({ height: 500 })
    expect(covered()).toBe('300px')
    view.become({ offsetTop: 120 }, 'scroll')
    expect(covered()).toBe('180px')
    view.become({ height: 800, offsetTop: 0 })

    expect(covered()).toBe('0px')
  })

  it('is not listened to while one writes elsewhere, nor afterwards', async () => {
    const { wrapper } = await chat()
    expect(view.listening).toBe(0)

    field().focus()
    expect(view.listening).toBe(2)
    view.become({ height: 500 })
    field().blur()
    expect([view.listening, covered()]).toEqual([0, '0px'])

    field().focus()
    wrapper.unmount()
    expect(view.listening).toBe(0)
  })

  it('is told from bars of the browser and from zooming, for which nothing is measured', async () => {
    const { measured } = await chat()
    measured.mockClear()
    field().focus()

    view.become({ height: 740 })
    view.become({ height: 400, scale: 2 })

    expect(covered()).toBe('')
    expect(measured).not.toHaveBeenCalled()
  })
})
