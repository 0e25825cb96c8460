import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { elementsOf, escaped, textOf } from '../../../src/storage/xml.ts';

describe('XML of answers', () => {
  it('gives the text of elements', () => {
    const xml =
      '<?xml version="1.0"?>\n<R xmlns="urn:x"><Key>a&amp;b &#x1F600;&#233;</Key><Empty/><Key a="1"\n>two</Key ><KeyCount>5</KeyCount></R>';
    expect(elementsOf(xml, 'Key')).toEqual(['a&amp;b &#x1F600;&#233;', 'two']);
    expect([textOf(xml, 'Key'), textOf(xml, 'Empty'), textOf(xml, 'None')]).toEqual(['a&b 😀é', '', undefined]);
    expect(textOf('<s:Code xmlns:s="x"><![CDATA[<&amp;>]]></s:Code>', 'Code')).toBe('<&amp;>');
  });

  it('reads what it wrote', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(textOf(`<A>${escaped(text)}</A>`, 'A')).toBe(text);
      }),
    );
  });

  it('takes whatever comes for an answer', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom('<', '>', '/', 'A', '&', ';', '#', 'x', '9', ' ', '!', '[') }),
        (xml) => {
          textOf(xml, 'A');
        },
      ),
    );
  });
});
