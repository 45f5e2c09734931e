# Each target is one line of tools/course.py; without make, type that line.
.DEFAULT_GOAL := help
.PHONY: help run test lab site api live dashboard data install lock

# the first Python here that TensorFlow has wheels for; another one: make run PYTHON=python3.11
FITS = import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))
PYTHON ?= $(firstword $(foreach name,python3 python3.12 python3.13 python3.11 python,\
	$(shell $(name) -c '$(FITS)' 2>/dev/null && echo $(name))) python3)

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: ## run the notebooks: make run NOTEBOOK=04 DATASET=fer2013 PROFILE=full RECORD=1 RESUME=1
	@$(PYTHON) tools/course.py run --dataset "$(DATASET)" --profile "$(PROFILE)" --notebook "$(NOTEBOOK)" $(if $(RECORD),--record) $(if $(RESUME),--resume)

test: ## check everything: style, types, unit tests, notebooks, solutions
	@$(PYTHON) tools/course.py test

lab: ## open copies of the notebooks in JupyterLab; ORIGINALS=1 opens the notebooks themselves
	@$(PYTHON) tools/course.py lab $(if $(ORIGINALS),--originals) $(if $(ROOT),--allow-root) $(if $(IP),--ip "$(IP)")

site: ## build the course's website into build/site
	@$(PYTHON) tools/course.py site

api: ## show the database of face images on port 8080: make api PORT=8081
	@$(PYTHON) tools/course.py api $(if $(PORT),--port "$(PORT)")

live: ## name the emotions in your camera's picture on port 5000: make live PORT=5001
	@$(PYTHON) tools/course.py live $(if $(PORT),--port "$(PORT)")

dashboard: ## guess against the model, draw faces, see the results on port 8502
	@$(PYTHON) tools/course.py dashboard $(if $(PORT),--port "$(PORT)")

data: ## download the real data into data/raw: FER-2013 and the everyday emotions
	@$(PYTHON) tools/course.py data

install: ## set up .venv, and no more
	@$(PYTHON) tools/course.py install

lock: ## compile requirements.lock from pyproject.toml again
	@$(PYTHON) tools/course.py lock
