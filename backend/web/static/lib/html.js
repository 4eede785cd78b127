// Preact with tagged templates instead of JSX: nothing has to be built.
import { h, render, Fragment } from "preact";
import htm from "htm";

export { useCallback, useEffect, useId, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
export { Fragment, render };
export const html = htm.bind(h);
