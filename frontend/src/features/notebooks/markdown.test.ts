import { expect, it } from 'vitest'

import { headings, render, withoutRemote } from './markdown'

const html = (text: string): string => {
  const d = document.createElement('div')
  d.append(render(text))
  return d.innerHTML
}

it('renders what notebooks use', () => {
  expect(html('# A\n\nTwo **strong** words,\nand `code`.')).toBe('<h2 data-level="1">A</h2><p>Two <strong>strong</strong> words,\nand <code>code</code>.</p>')
  expect(html('- a\n- b *c*\n  - d\n\n1. x\n2. y')).toBe('<ul><li>a</li><li>b <em>c</em><ul><li>d</li></ul></li></ul><ol><li>x</li><li>y</li></ol>')
  expect(html('```python\na < b\n```\n> q\n> r')).toBe('<pre><code>a &lt; b</code></pre><blockquote><p>q\nr</p></blockquote>')
  expect(html('| a | b |\n|---|--:|\n| `x|y` | 1 |')).toBe('<div class="wide"><table><thead><tr><th>a</th><th style="text-align: right;">b</th></tr></thead><tbody><tr><td><code>x|y</code></td><td style="text-align: right;">1</td></tr></tbody></table></div>')
  expect(html('a\n---\nb\n\n***')).toBe('<h3>a</h3><p>b</p><hr>')
  expect(html('snake_case_name and 2 * 3 * 4')).toBe('<p>snake_case_name and 2 * 3 * 4</p>')
  expect(html('[t](notebooks/tour.md) [w](https://a.b/c) [x](rules/a.yaml)')).toBe('<p><a href="/notebooks/tour.md">t</a> <a href="https://a.b/c" target="_blank" rel="noopener noreferrer">w</a> <a href="/rules/a.yaml">x</a></p>')
})

it('lets nothing through that is not text', () => {
  for (const bad of ['<script>alert(1)</script>', '<img src=x onerror=alert(1)>', '[a](javascript:alert(1))', '[a](data:text/html,x)', '[a](//evil.example)', '![a](https://evil.example/x.png)', '<a href="javascript:1">b</a>', '[a](../../etc/passwd.md)', '| <b>x</b> |\n|---|', '- <svg onload=x>']) {
    const d = document.createElement('div')
    d.append(render(bad))
    expect(d.querySelector('script, img, svg, b, a[href^="javascript"], a[href^="data"]')).toBeNull()
    for (const a of d.querySelectorAll('a')) expect(a.getAttribute('href')).toMatch(/^(https?:|mailto:|\/(notebooks|rules|dashboards)\/)/)
  }
})

it('ends on anything', () => {
  for (const s of ['`'.repeat(50), '*'.repeat(300), '[['.repeat(200), '> '.repeat(100) + 'x', '- '.repeat(100) + 'x', '|\n|-', '**a'.repeat(200), '_a_'.repeat(200), '<!-- x', '```'])
    expect(() => html(s)).not.toThrow()
})

it('lists headings', () => {
  expect(headings('# A\n```\n# no\n```\n## B `c`\nx')).toEqual([{ level: 1, text: 'A' }, { level: 2, text: 'B c' }])
})

it('pictures from elsewhere become their text', () => {
  expect(withoutRemote('<p><img src="https://a.b/x.png" alt="a <b>"> <img src="/x"> <img src="data:image/png;base64,AA==" alt="own"></p>')).toBe('<p><em>a &lt;b&gt;</em> <em>picture</em> <img src="data:image/png;base64,AA==" alt="own"></p>')
})
