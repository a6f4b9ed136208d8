import { expect, test, type Page } from './stage'

// In a real browser: what a parser makes of hostile HTML is the parser's to say.
let page: Page
test.beforeEach(async ({ open }) => { page = await open('?messages=3') })

const safe = (dirty: string) => page.evaluate(([html]) => (window as unknown as { safe(html: string): string }).safe(html!), [dirty])

const HOSTILE = [
  ['<p>v<script>alert(1)</script></p>', '<p>v</p>'],
  ['<img src=x onerror=alert(1)>v', 'v'],
  ['<p onclick="x" style="color:red" title="t" class="c">v</p>', '<p>v</p>'],
  ['<svg><a xlink:href="javascript:x">w</a></svg>v', 'v'],
  ['<iframe src="https://x.test">in</iframe>v', 'v'],
  ['<code class="language-js">a</code><code class="evil">b</code>', '<code class="language-js">a</code><code>b</code>'],
  ['<span class="mtchat-row" data-evil="1">v</span>', '<span>v</span>'],
  ['<a href="javascript:alert(1)">j</a><a href="/relative">r</a><a href="//host/x">h</a>', '<a>j</a><a>r</a><a>h</a>'],
] as const
test('hostile HTML is made safe', async () => {
  for (const [dirty, clean] of HOSTILE) expect((await safe(dirty)).replace(/ rel="[^"]*"/g, ''), dirty).toBe(clean)
})

test('links open elsewhere and say where they lead', async () => {
  const html = await safe('<a href="https://a.test/x?y=1" target="_self" class="mtchat-row">w</a>')

  for (const part of ['href="https://a.test/x?y=1"', 'target="_blank"', 'rel="noopener noreferrer nofollow"', 'title="a.test"', 'tabindex="-1"']) expect(html).toContain(part)
  expect(html).not.toContain('class')
})

test('mentions carry the name of today, and mine are marked', async () => {
  const mention = (user: string) => safe(`<span data-type="mention" data-id="${user}" data-label="Old" class="mtchat-mention">@Old</span>`)

  expect(await mention('bo')).toContain('@Bo Now')
  expect(await mention('gone')).toContain('@Old')
  expect(await mention('ana')).toContain('mtchat-mention--me')
})

test('what needs no sanitiser makes nothing but plain tags, and the same text as with one', async () => {
  const found = await page.evaluate(() => {
    const { isPlain, purified, safe } = window as unknown as { isPlain(html: string): boolean; purified(html: string): string; safe(html: string): string }
    const PARTS = ['<p>', '</p>', '<br>', '<b>', '</b>', '<strong>', '<em>', '<u>', '<s>', '</s>', '<ul>', '<li>', '</ul>', '<ol>', '<blockquote>', '<code>', '</code>', '<pre>', '</pre>',
      '&amp;', '&lt;', '&gt;', '&quot;', '&nbsp;', 'text', ' ', 'script', '"', "'", '=', '/', '>', 'amp;', 'lt;', 'p>', 'b', '\u0000', '\u2028', '\ufeff', '\ud800', ']]>', '-->', '{{x}}',
      '<', '</', '<!--', '<p ', '<P>', '<br/>', '<b\f>', '</b x>', 'onclick=x', '<script>', '<svg>', '<math>', '<plaintext>', '<template>', '<a href=x>', '<span>', '<img src=x>', '&', '&#60;', '&lt', '&amp', '&colon;', '<?', '<![CDATA[']
    const CALM = 43
    const ALLOWED = new Set('P BR STRONG B EM I U S STRIKE UL OL LI BLOCKQUOTE CODE PRE'.split(' '))
    const parse = (html: string) => Object.assign(document.createElement('div'), { innerHTML: html })
    let seed = 7
    const below = (limit: number) => (seed = (seed * 48271) % 2147483647) % limit
    const wrong: string[] = []
    let plain = 0
    for (let n = 0; n < 6_000; n += 1) {
      const html = Array.from({ length: 1 + below(10) }, () => PARTS[below(n % 2 ? CALM : PARTS.length)]).join('')
      if (!isPlain(html)) continue
      plain += 1
      const made = parse(safe(html))
      const isCalm = [...made.querySelectorAll('*')].every((each) => ALLOWED.has(each.tagName) && each.attributes.length === 0)
      if (!isCalm || made.textContent.trim() !== parse(purified(html)).textContent.trim()) wrong.push(html)
    }
    return { plain, wrong }
  })

  expect(found.wrong).toEqual([])
  expect(found.plain).toBeGreaterThan(1_500)
})

const NOT_PLAIN = ['<p onclick=x>v</p>', '<P>v</P>', '<<p>script>', '<p', '<br/', '<!-- v -->', '<script>', 'a & b', '&#60;', '&lt', '<p/>', '<a href="https://a.test">v</a>', '<span>v</span>', '<img>', '<svg>', '&<b>amp;']
test('what may be more than plain tags goes to the sanitiser', async () => {
  const taken = await page.evaluate((all) => all.filter((window as unknown as { isPlain(html: string): boolean }).isPlain), NOT_PLAIN)
  expect(taken).toEqual([])
})

test('before the sanitiser is here its texts are words alone', async () => {
  expect(await page.evaluate(() => (window as unknown as { without: string }).without)).toBe('A &amp; b<br>&lt;i&gt;')
})
