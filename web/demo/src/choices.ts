// How the gallery shows its states is in the address, so that a test can ask for exactly one picture.
export interface Choices {
  readonly mode: 'full' | 'inline'
  readonly theme: string
  readonly locale: string
  readonly dir: string
  readonly density: string
  /** Pixels; "" for as wide as there is room. */
  readonly width: string
  /** One state alone; "" for all. */
  readonly state: string
  /** Nothing around it: as a host would show it. */
  readonly isBare: boolean
}

const OFFERED: Record<string, readonly string[]> = {
  mode: ['full', 'inline'],
  theme: ['light', 'dark', 'auto'],
  locale: ['en', 'ru', 'zh', 'en-XA', 'ar-XB'],
  density: ['comfortable', 'compact'],
  width: ['', '320', '800', '1280'],
}

export function readChoices(): Choices {
  const asked = new URLSearchParams(location.search)
  const locale = asked.get('locale') ?? 'en'
  return {
    mode: asked.get('mode') === 'inline' ? 'inline' : 'full',
    theme: asked.get('theme') ?? 'light',
    locale,
    dir: asked.get('dir') ?? (locale === 'ar-XB' ? 'rtl' : ''),
    density: asked.get('density') ?? 'comfortable',
    width: /^\d{2,4}$/.test(asked.get('width') ?? '') ? asked.get('width')! : '',
    state: asked.get('state') ?? '',
    isBare: asked.has('bare'),
  }
}

export function offerChoices(nav: HTMLElement, choices: Choices): void {
  for (const [name, values] of Object.entries(OFFERED)) {
    const select = document.createElement('select')
    for (const value of values) select.add(new Option(value || 'auto', value, false, value === choices[name as keyof Choices]))
    select.addEventListener('change', () => {
      const asked = new URLSearchParams(location.search)
      asked.set(name, select.value)
      location.search = asked.toString()
    })
    const label = document.createElement('label')
    label.append(name, select)
    nav.append(label)
  }
  const other = document.createElement('a')
  const isElement = location.pathname.endsWith('/element')
  other.textContent = isElement ? 'as a Vue component' : 'as <mt-chat>'
  other.href = (isElement ? '/demo/gallery' : '/demo/gallery/element') + location.search
  nav.append(other)
}
