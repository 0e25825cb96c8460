export { elementsOf, escaped, textOf } from '../xml.ts';
