// Makes pages for respondents better to use. Every page works without it.
(() => {
	"use strict";
	const root = document.documentElement;
	root.classList.add("js");
	const all = (selector, within = document) => [...within.querySelectorAll(selector)];

	// A menu closes when one goes elsewhere.
	const menu = document.querySelector(".languages");
	if (menu) {
		document.addEventListener("click", (event) => { if (!menu.contains(event.target)) menu.open = false; });
		menu.addEventListener("keydown", (event) => {
			if (event.key !== "Escape" || !menu.open) return;
			menu.open = false;
			menu.querySelector("summary").focus();
		});
	}

	// A form is sent once, however often the button is pressed. Coming back, it can be sent again.
	for (const form of all("form")) {
		let sent = false;
		form.addEventListener("submit", (event) => {
			if (sent) event.preventDefault();
			sent = true;
		});
		addEventListener("pageshow", () => { sent = false; });
	}

	// At a kiosk nothing stays for the next person: after the thanks, or when nobody touches the page, it goes back
	// to the start. A page that the browser kept goes there as well.
	const leave = (home) => {
		for (const form of all("form")) form.reset();
		location.replace(home);
	};
	const pause = document.querySelector("#pause");
	if (pause) {
		const { home } = pause.dataset, words = pause.querySelector("p");
		let timer = 0, touched = 0;
		const rest = () => {
			clearTimeout(timer);
			timer = setTimeout(() => {
				pause.showModal();
				let left = Number(pause.dataset.wait);
				const tick = () => {
					if (left <= 0) { leave(home); return; }
					words.textContent = words.dataset.pattern.replace("{n}", left--);
					timer = setTimeout(tick, 1000);
				};
				tick();
			}, Number(pause.dataset.rest) * 1000);
		};
		for (const kind of ["pointerdown", "keydown", "input", "scroll"]) {
			addEventListener(kind, () => {
				if (pause.open || Date.now() - touched < 500) return;
				touched = Date.now();
				rest();
			}, { capture: true, passive: true });
		}
		pause.addEventListener("close", rest);
		rest();
	}
	const next = document.querySelector("#next");
	if (next) {
		let left = Number(next.dataset.seconds);
		setInterval(() => {
			if (--left <= 0) leave(next.dataset.home);
			else next.textContent = next.dataset.pattern.replace("{n}", left);
		}, 1000);
	}
	if (root.classList.contains("kiosk")) {
		addEventListener("pageshow", (event) => {
			if (event.persisted) leave((pause || next || { dataset: { home: location.pathname } }).dataset.home);
		});
	}

	// Options that exclude the others, and lists of which only some can be picked.
	for (const item of all("fieldset.item")) {
		const boxes = all("input[type=checkbox]", item);
		if (boxes.length === 0) continue;
		const limit = Number(item.dataset.limit) || boxes.length;
		const counter = document.querySelector(`output[for="${item.id}"]`);
		const picked = () => boxes.filter((box) => box.checked).length;
		const count = () => {
			const n = picked();
			item.classList.toggle("full", n >= limit && limit < boxes.length);
			if (!counter) return;
			counter.textContent = counter.dataset.pattern.replace("{n}", n);
			counter.classList.toggle("reached", n >= limit);
		};
		item.addEventListener("change", (event) => {
			const box = event.target;
			if (box.checked) {
				const exclusive = "exclusive" in box.dataset;
				for (const other of boxes) {
					if (other !== box && (exclusive || "exclusive" in other.dataset)) other.checked = false;
				}
				if (picked() > limit) {
					box.checked = false;
					if (counter) {
						counter.textContent = item.dataset.full;
						counter.classList.remove("shake");
						void counter.offsetWidth; // so that the animation starts anew
						counter.classList.add("shake");
						return;
					}
				}
			}
			count();
		});
		addEventListener("pageshow", count); // a page one comes back to is filled in by the browser
		count();
	}

	// An order is made by tapping: the first tap is the first place. Arrows mend it.
	for (const item of all("fieldset.rank")) {
		const list = item.querySelector("ol");
		const status = item.querySelector("[role=status]");
		const still = matchMedia("(prefers-reduced-motion: reduce)");
		const cards = all(".place", item).map((element) => {
			const select = element.querySelector("select");
			const words = element.querySelector(".words");
			const tap = document.createElement("button");
			const badge = document.createElement("span");
			tap.type = "button";
			tap.className = "tap";
			badge.className = "badge";
			words.replaceWith(tap);
			tap.append(badge, words);
			return { element, select, tap, badge, text: words.textContent, given: Number(select.value) };
		});
		const places = cards[0] ? cards[0].select.options.length - 1 : 0;
		let order = cards.filter((card) => card.given > 0).sort((a, b) => a.given - b.given);

		const show = () => {
			for (const card of cards) {
				const at = order.indexOf(card);
				card.select.value = at < 0 ? "" : String(at + 1);
				card.badge.textContent = at < 0 ? "" : String(at + 1);
				card.element.classList.toggle("placed", at >= 0);
				card.tap.setAttribute("aria-pressed", String(at >= 0));
				const [up, down] = all(".moves button", card.element);
				up.disabled = at <= 0;
				down.disabled = at < 0 || at === order.length - 1;
			}
		};
		// Once every place is taken, the cards stand in their order.
		const sort = () => {
			if (order.length < Math.min(places, cards.length)) return;
			const focused = document.activeElement;
			const before = new Map(cards.map((card) => [card, card.element.getBoundingClientRect().top]));
			const sorted = [...order, ...cards.filter((card) => !order.includes(card))];
			sorted.forEach((card) => list.append(card.element));
			if (focused && list.contains(focused)) focused.focus({ preventScroll: true });
			if (still.matches) return;
			for (const card of cards) {
				const moved = before.get(card) - card.element.getBoundingClientRect().top;
				if (moved) card.element.animate([{ transform: `translateY(${moved}px)` }, { transform: "none" }], { duration: 180, easing: "ease-out" });
			}
		};
		const tell = (card) => {
			const at = order.indexOf(card);
			const pattern = at < 0 ? item.dataset.unplaced : item.dataset.placed;
			status.textContent = pattern.replace("{option}", card.text).replace("{n}", at + 1);
		};
		for (const card of cards) {
			card.tap.addEventListener("click", () => {
				if (order.includes(card)) {
					order = order.filter((other) => other !== card);
				} else if (order.length < places) {
					order.push(card);
					const rest = cards.filter((other) => !order.includes(other));
					if (rest.length === 1 && places === cards.length && cards.length > 2) order.push(rest[0]); // what is left is last
				}
				show();
				sort();
				tell(card);
			});
			all(".moves button", card.element).forEach((button, down) => {
				button.addEventListener("click", (event) => {
					event.preventDefault();
					const at = order.indexOf(card), to = at + (down ? 1 : -1);
					if (at < 0 || to < 0 || to >= order.length) return;
					[order[at], order[to]] = [order[to], order[at]];
					show();
					sort();
					(button.disabled ? card.tap : button).focus();
					tell(card);
				});
			});
		}
		show();
	}
})();
