// What Node has and a browser has not; both SDK layers lean on it.

export { Buffer } from 'buffer';
export { default as process } from 'process/browser';
