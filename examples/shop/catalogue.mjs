// What this shop sells. A real one reads it from its database and sends what changed.
const line = (itemId, title, category, price, description = '') => ({
  itemId,
  title,
  categories: [category],
  price,
  description,
})

export const catalogue = [
  line('mug-blue', 'Blue enamel mug', 'kitchen', 9.5, 'Holds 350 ml, for the camp fire and the office'),
  line('mug-red', 'Red enamel mug', 'kitchen', 9.5),
  line('kettle', 'Enamel kettle', 'kitchen', 39, 'For coffee and tea on any stove'),
  line('coffee-mill', 'Hand coffee mill', 'kitchen', 59, 'Ceramic burr, grinds for one to four cups'),
  line('coffee-beans', 'Coffee beans, 1 kg', 'kitchen', 24, 'Dark roast from Honduras'),
  line('tea-tin', 'Tea tin', 'kitchen', 12),
  line('teapot', 'Cast iron teapot', 'kitchen', 45),
  line('apron', 'Linen apron', 'kitchen', 32),
  line('tent', 'Two-person tent', 'outdoor', 249, 'Three seasons, 2.1 kg'),
  line('sleeping-bag', 'Down sleeping bag', 'outdoor', 189, 'Comfortable to 0 degrees'),
  line('mat', 'Inflatable sleeping mat', 'outdoor', 79),
  line('stove', 'Gas camping stove', 'outdoor', 49, 'Boils a litre in four minutes'),
  line('lantern', 'Camping lantern', 'outdoor', 29, 'Charges by USB, 40 hours of light'),
  line('rucksack', 'Hiking rucksack, 45 litres', 'outdoor', 129),
  line('boots', 'Hiking boots', 'outdoor', 159),
  line('socks', 'Merino hiking socks', 'outdoor', 19),
  line('novel', 'A novel of the mountains', 'books', 14),
  line('cook-book', 'Cooking on one flame', 'books', 22, 'Eighty recipes for the camping stove'),
  line('map', 'Hiking map of the Alps', 'books', 11),
  line('star-chart', 'Star chart for campers', 'books', 13),
]
