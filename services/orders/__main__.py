from chassis.run import main
from services.orders.app import definition

main(definition)
