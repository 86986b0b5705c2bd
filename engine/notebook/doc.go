package notebook
