msFilterList
: Expires=1
# A hand-written sample of format ie-tpl
-d evil-tracked.com
-d 45.9.76.1
+d good-tracked.com
-d evil-path.com /gate.php
- /ads/
